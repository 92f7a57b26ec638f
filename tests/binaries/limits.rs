//! A connection limit that the user sets.

use echo_tests::peer::{connect, expect, expect_silence, finish, rest, send};
use echo_tests::process::ServerProcess;

#[test]
fn each_connection_that_closes_lets_the_next_one_in() {
    let server = ServerProcess::start(&["--max-connections", "2"], &[]);
    let mut clients: Vec<_> = (0..30).map(|_| connect(server.addr())).collect();
    clients.iter().for_each(|client| send(client, "hello\n"));
    server.wait_for_line("connection limit reached max_connections=2");
    while let [first, second, waiting @ ..] = &clients[..] {
        for client in [first, second] {
            expect(client, "hello\n");
        }
        waiting.iter().for_each(expect_silence);
        clients.drain(..2);
    }
    server.stop().expect_code(0);
}

/// The server has not accepted the waiting connections, so it neither serves them nor waits for them.
#[test]
fn a_server_that_stops_does_not_wait_for_those_beyond_its_limit() {
    let args = ["--max-connections", "1", "--drain-timeout", "1h"];
    let server = ServerProcess::start(&args, &[]);
    let (served, _waiting) = (connect(server.addr()), connect(server.addr()));
    send(&served, "rest");
    server.wait_for_line("connection limit reached");
    server.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(rest(&served), b"rest");
    drop(served);
    server.wait().expect_code(0);
}

/// A server that reaches its limit again and again does not log that each time.
#[test]
fn a_low_limit_under_load_does_not_fill_the_log() {
    let server = ServerProcess::start(&["--max-connections", "1", "--num-workers", "1"], &[]);
    for _ in 0..500 {
        let client = connect(server.addr());
        send(&client, "x");
        assert_eq!(finish(&client), b"x");
    }
    let finished = server.stop();
    finished.expect_code(0);
    let count = finished.lines_with(&["connection limit"]).len();
    assert!(count <= 50, "{count} records about the limit for 500 connections");
}
