//! Checks that the threads of a server sleep. That shows only in a longer observation.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::process;
use std::time::Duration;

use echo_tests::proc_fs;
use echo_tests::wait::{DEADLINE, wait_until};

/// How long one observation takes. It is longer than every timer of the acceptor and the workers. The
/// timer of the report belongs to the thread that calls `run`.
const A_WHILE: Duration = Duration::from_secs(1);

/// Number of observations. A thread that was just going to sleep may seem to wake up in one of them. A
/// thread that wakes up again and again does so in all of them.
const LOOKS: usize = 3;

/// Checks that no thread of the server wakes up once all of them sleep. The process must have only one
/// server and no other test.
#[track_caller]
pub(crate) fn expect_quiet(stream: &TcpStream) {
    let looks: Vec<_> = (0..LOOKS).map_while(|_| activity(stream)).collect();
    assert!(looks.len() < LOOKS, "threads wake up: {looks:#?}");
}

/// Observes the server for a while in which no byte arrives on the stream. Returns its threads before
/// and after, if any of them woke up.
fn activity(mut stream: &TcpStream) -> Option<[Vec<proc_fs::Thread>; 2]> {
    wait_until("threads that all sleep", all_sleep);
    let before = server_threads();
    assert!(before.len() > 1, "there is no acceptor or no worker: {before:?}");
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let after = server_threads();
    (before != after).then_some([before, after])
}

/// Returns the acceptor and the workers, with their context switches and CPU time.
fn server_threads() -> Vec<proc_fs::Thread> {
    let mut threads = proc_fs::threads(process::id());
    threads.retain(|thread| is_of_the_server(&thread.name));
    threads
}

/// Whether the acceptor and all workers sleep.
fn all_sleep() -> bool {
    fs::read_dir("/proc/self/task").unwrap().all(|task| {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let mut lines = status.lines();
        let name = lines.next().and_then(|line| line.strip_prefix("Name:\t")).unwrap();
        !is_of_the_server(name) || lines.any(|line| line == "State:\tS (sleeping)")
    })
}

fn is_of_the_server(thread: &str) -> bool {
    thread == "acceptor" || thread.starts_with("worker-")
}
