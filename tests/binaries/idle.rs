//! Without traffic no thread of the server wakes up.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use echo_tests::peer::{connect, echo, expect, send};
use echo_tests::proc_fs::{Thread, is_stopped, threads};
use echo_tests::process::{ServerProcess, eventually};
use nix::sys::signal::Signal;

/// How long to observe the threads: much longer than any timer of a server that polls.
const OBSERVATION: Duration = Duration::from_millis(1_200);

/// How long the threads must sleep before the observation begins.
const SETTLED: Duration = Duration::from_millis(100);

/// Waits until all threads sleep, and checks that they stay asleep. Returns them.
#[track_caller]
fn assert_idle(server: &ServerProcess) -> Vec<Thread> {
    let at_rest = eventually("threads at rest", || {
        let before = threads(server.pid());
        thread::sleep(SETTLED);
        (threads(server.pid()) == before).then_some(before)
    });
    thread::sleep(OBSERVATION);
    assert_eq!(threads(server.pid()), at_rest);
    at_rest
}

#[test]
fn no_thread_wakes_up_with_open_connections_and_no_traffic() {
    for args in [
        &["--report-interval", "0"][..],
        // The threads sleep although there are deadlines in the far future.
        &["--report-interval", "0", "--idle-timeout", "1h"],
        &["--report-interval", "1h", "--num-workers", "7"],
    ] {
        let server = ServerProcess::start(args, &[]);
        let clients: Vec<TcpStream> = (0..50).map(|_| connect(server.addr())).collect();
        // The first client never sends anything.
        clients[1..].iter().for_each(|client| echo(client, "hello\n"));
        let names: Vec<String> =
            assert_idle(&server).into_iter().map(|thread| thread.name).collect();
        for name in ["worker-0", "acceptor"] {
            assert!(names.iter().any(|other| other == name), "no {name} in {names:?}");
        }
    }
}

#[test]
fn no_thread_wakes_up_before_and_after_all_connections() {
    let server = ServerProcess::start(&["--report-interval", "0", "--idle-timeout", "300ms"], &[]);
    assert_idle(&server);
    let clients: Vec<TcpStream> = (0..50).map(|_| connect(server.addr())).collect();
    clients.iter().for_each(|client| echo(client, "hello\n"));
    drop(clients);
    assert_idle(&server);
}

/// At the limit the acceptor sleeps until there is room.
#[test]
fn no_thread_wakes_up_while_others_wait_at_the_connection_limit() {
    let server = ServerProcess::start(&["--report-interval", "0", "--max-connections", "3"], &[]);
    let clients: Vec<TcpStream> = (0..10).map(|_| connect(server.addr())).collect();
    clients[..3].iter().for_each(|client| echo(client, "hello\n"));
    server.wait_for_line("connection limit reached");
    assert_idle(&server);
}

/// The worker sleeps until the peer reads, instead of trying to send again and again.
#[test]
fn no_thread_wakes_up_while_a_peer_does_not_read() {
    let server = ServerProcess::start(&["--report-interval", "0"], &[]);
    let _stuck = crate::clients::Stuck::new(server.addr());
    assert_idle(&server);
}

/// The server was late, not its clients: the lines that they sent while it was stopped are traffic. There
/// are more clients than one poll reports.
#[test]
fn a_server_that_is_stopped_for_longer_than_the_idle_timeout_ends_nobody_who_spoke() {
    let server = ServerProcess::start(&["--num-workers", "1", "--idle-timeout", "3s"], &[]);
    let clients: Vec<TcpStream> = (0..600).map(|_| connect(server.addr())).collect();
    clients.iter().for_each(|client| echo(client, "before\n"));
    server.signal(Signal::SIGSTOP);
    eventually("a stopped server", || is_stopped(server.pid()).then_some(()));
    clients.iter().for_each(|client| send(client, "while stopped\n"));
    thread::sleep(Duration::from_millis(3_500));
    server.signal(Signal::SIGCONT);
    clients.iter().for_each(|client| expect(client, "while stopped\n"));
    clients.iter().for_each(|client| echo(client, "after\n"));
    drop(clients);
    server.stop().expect_code(0);
}
