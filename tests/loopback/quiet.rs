//! Nothing happens: a thing that can only be seen by looking for a while.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::process;
use std::time::Duration;

use echo_tests::proc_fs;
use echo_tests::wait::{DEADLINE, wait_until};

/// How long to look: long enough for every timer of the server but the report's, which the thread
/// that calls `run` has.
const A_WHILE: Duration = Duration::from_secs(1);

/// Looks so often: a thread that was just about to go to sleep may seem to have woken up. One that
/// wakes up again and again does so each time.
const LOOKS: usize = 3;

/// Checks that, once the server has come to rest, no thread of it runs. To be called in a process
/// with one server and no other test.
#[track_caller]
pub(crate) fn expect_quiet(stream: &TcpStream) {
    let looks: Vec<_> = (0..LOOKS).map_while(|_| activity(stream)).collect();
    assert!(looks.len() < LOOKS, "threads wake up: {looks:#?}");
}

/// The server's threads before and after a while in which nothing comes from the stream, if they
/// did something.
fn activity(mut stream: &TcpStream) -> Option<[Vec<proc_fs::Thread>; 2]> {
    wait_until("the server's rest", all_sleep);
    let before = server_threads();
    assert!(before.len() > 1, "an acceptor and workers: {before:?}");
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let after = server_threads();
    (before != after).then_some([before, after])
}

/// The acceptor and the workers, with their switches and processor time.
fn server_threads() -> Vec<proc_fs::Thread> {
    let mut threads = proc_fs::threads(process::id());
    threads.retain(|thread| is_of_the_server(&thread.name));
    threads
}

/// Whether none of them runs or waits for a processor.
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
