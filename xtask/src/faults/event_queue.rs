//! A thread whose wait for events fails. That thread ends, and the others drain.

use std::net::TcpStream;

use echo_tests::peer::{connect, expect, rest, send};

use super::peers::is_echoed;
use super::row::row;
use super::traced::{Ended, Fault, Traced};
use crate::check::Check;

const PROMISE: &str = "the server names the thread, the others drain, exit code 1";

/// Error, and the reason that the server prints.
const ERRORS: [(&str, &str); 3] = [
    ("ENOMEM", "Cannot allocate memory"),
    ("EBADF", "Bad file descriptor"),
    ("EINVAL", "Invalid argument"),
];

/// A call that no thread reaches while it serves one connection.
const WORKER_CALL: &str = "20";

/// The call after the acceptor's ninth connection. No worker reaches it, because each serves only one
/// connection.
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

/// Keeps one worker busy until its wait fails. The other worker must drain.
fn worker_fails(fault: Fault, reason: &str) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "2"]);
    let busy = connect(server.addr());
    assert!(is_echoed(&busy, b"ping\n"));
    let quiet = unfinished(&server);
    let served = (0..50).take_while(|_| is_echoed(&busy, b"ping\n")).count();
    assert!(served < 50, "the worker did not fail");
    assert_eq!(rest(&quiet), REST);
    drop(quiet);
    expect_failed(&server.end(), "worker-", reason)
}

/// Makes connections until the acceptor's wait fails. Each connection is an event of its own.
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
    expect_failed(&server.end(), "acceptor", reason)
}

const REST: &[u8] = b"no newline";

/// Makes a connection to which the server owes an unterminated line at the end. Its worker sees two
/// events.
fn unfinished(server: &Traced) -> TcpStream {
    let stream = connect(server.addr());
    send(&stream, [b"ping\n", REST].concat());
    expect(&stream, b"ping\n");
    stream
}

/// Checks that the server named the failed thread and the reason.
#[track_caller]
fn expect_failed(ended: &Ended, thread: &str, reason: &str) -> String {
    ended.finished.expect_code(1);
    let beginning = format!("server: wait for events in thread {thread}");
    let sentence = ended.finished.line_with(&["server: "]);
    assert!(sentence.starts_with(&beginning) && sentence.contains(reason), "{sentence}");
    format!("{sentence:?}, unterminated lines were echoed")
}
