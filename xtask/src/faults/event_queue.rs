//! A thread that the system tells about events no more: it cannot go on, the others drain.

use std::net::TcpStream;

use echo_tests::peer::{connect, expect, rest, send};

use super::peers::is_echoed;
use super::row;
use super::traced::{Ended, Fault, Traced};
use crate::check::Check;

const PROMISE: &str = "the thread is named, the others drain, exit code 1";

/// Error and reason.
const ERRORS: [(&str, &str); 3] = [
    ("ENOMEM", "Cannot allocate memory"),
    ("EBADF", "Bad file descriptor"),
    ("EINVAL", "Invalid argument"),
];

/// More than any thread makes that serves one connection.
const WORKER_CALL: &str = "20";

/// What follows the acceptor's ninth connection; more than a worker makes for the one it gets.
const ACCEPTOR_CALL: &str = "10";

pub(super) fn checks() -> Vec<Check> {
    let worker = |(error, reason)| {
        row(format!("epoll_wait {error}, in a worker"), PROMISE, move || {
            worker_fails(Fault::new("epoll_wait", error, WORKER_CALL), reason)
        })
    };
    let acceptor = |(error, reason)| {
        row(format!("epoll_wait {error}, in the acceptor"), PROMISE, move || {
            acceptor_fails(Fault::new("epoll_wait", error, ACCEPTOR_CALL), reason)
        })
    };
    ERRORS.map(worker).into_iter().chain(ERRORS.map(acceptor)).collect()
}

/// The first connection keeps its worker busy until that fails; the other worker drains.
fn worker_fails(fault: Fault, reason: &str) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "2"]);
    let busy = connect(server.addr());
    assert!(is_echoed(&busy, b"ping\n"));
    let quiet = unfinished(&server);
    let served = (0..50).take_while(|_| is_echoed(&busy, b"ping\n")).count();
    assert!(served < 50, "the worker does not fail");
    assert_eq!(rest(&quiet), REST);
    drop(quiet);
    said(&server.end(), "worker-", reason)
}

/// Each connection is an event of its own for the acceptor.
fn acceptor_fails(fault: Fault, reason: &str) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "9"]);
    server.settle();
    let peers = [(); 8].map(|()| {
        let stream = unfinished(&server);
        server.settle();
        stream
    });
    let _last = connect(server.addr());
    for peer in peers {
        assert_eq!(rest(&peer), REST);
    }
    said(&server.end(), "acceptor", reason)
}

const REST: &[u8] = b"no newline";

/// A connection that is owed something once it ends. For its worker it is two events.
fn unfinished(server: &Traced) -> TcpStream {
    let stream = connect(server.addr());
    send(&stream, [b"ping\n", REST].concat());
    expect(&stream, b"ping\n");
    stream
}

#[track_caller]
fn said(ended: &Ended, thread: &str, reason: &str) -> String {
    ended.finished.expect_code(1);
    let beginning = format!("server: wait for events in thread {thread}");
    let sentence = ended.finished.line_with(&["server: "]);
    assert!(sentence.starts_with(&beginning) && sentence.contains(reason), "{sentence}");
    format!("{sentence:?}, the unterminated rests came back")
}
