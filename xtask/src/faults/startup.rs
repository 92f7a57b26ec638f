//! Calls that fail before the server serves. The server says so in one sentence.

use super::row::row;
use super::traced::{Ended, Fault};
use crate::check::Check;

const PROMISE: &str = "exit code 1 and one sentence that names the action and the reason";

const LISTEN: &str = "server: listen on 127.0.0.1:0: ";
const QUEUE: &str = "server: create an event queue: ";
const START: &str = "server: start ";

const NO_DESCRIPTOR: &str = "Too many open files";
const NO_MEMORY: &str = "Cannot allocate memory";
const NO_THREAD: &str = "Resource temporarily unavailable";

/// Call, error, number of the call, and the beginning and the reason of the sentence. The server has
/// two workers. It creates the acceptor's event queue first, then those of the workers. It starts the
/// threads in this order: log, signals, workers, acceptor.
const FAULTS: &[(&str, &str, &str, &str, &str)] = &[
    ("socket", "EMFILE", "1", LISTEN, NO_DESCRIPTOR),
    ("setsockopt", "ENOBUFS", "1", LISTEN, "No buffer space"),
    ("setsockopt", "ENOBUFS", "2", LISTEN, "No buffer space"),
    ("bind", "EADDRINUSE", "1", LISTEN, "address in use"),
    ("bind", "EACCES", "1", LISTEN, "permission denied"),
    ("bind", "EADDRNOTAVAIL", "1", LISTEN, "not an address of this machine"),
    ("listen", "EADDRINUSE", "1", LISTEN, "address in use"),
    ("getsockname", "ENOBUFS", "1", LISTEN, "No buffer space"),
    ("epoll_create1", "EMFILE", "1", QUEUE, NO_DESCRIPTOR),
    ("epoll_create1", "EMFILE", "3", QUEUE, NO_DESCRIPTOR),
    ("epoll_create1", "ENOMEM", "2", QUEUE, NO_MEMORY),
    ("eventfd2", "EMFILE", "1", QUEUE, NO_DESCRIPTOR),
    ("eventfd2", "ENOMEM", "3", QUEUE, NO_MEMORY),
    ("epoll_ctl", "ENOSPC", "1", QUEUE, "No space left"),
    ("epoll_ctl", "ENOSPC", "2", QUEUE, "No space left"),
    ("epoll_ctl", "ENOMEM", "4", QUEUE, NO_MEMORY),
    ("clone3", "EAGAIN", "1", START, NO_THREAD),
    ("clone3", "EAGAIN", "2", "server: install the signal handler: ", NO_THREAD),
    ("clone3", "EAGAIN", "3", START, NO_THREAD),
    ("clone3", "EAGAIN", "4", START, NO_THREAD),
    ("clone3", "EAGAIN", "5", START, NO_THREAD),
];

pub(super) fn checks() -> Vec<Check> {
    let check = |&(call, error, nth, beginning, reason)| {
        let fault = Fault::new(call, error, nth);
        row(format!("start-up: {call} {error}, call {nth}"), PROMISE, move || {
            let ended = Ended::run(&[fault], &["--num-workers", "2"]);
            expect_refused(&ended, beginning, reason)
        })
    };
    FAULTS.iter().map(check).collect()
}

/// Checks that the server printed this sentence, and nothing else but the record that it listens.
#[track_caller]
fn expect_refused(ended: &Ended, beginning: &str, reason: &str) -> String {
    ended.finished.expect_code(1);
    let sentence = ended.finished.line_with(&["server: "]);
    assert!(sentence.starts_with(beginning) && sentence.contains(reason), "{sentence}");
    let others = ended.finished.stderr.lines().filter(|line| *line != sentence);
    let unexpected = others.into_iter().find(|line| !line.contains(" listening address="));
    assert_eq!(unexpected, None);
    format!("{sentence:?}")
}
