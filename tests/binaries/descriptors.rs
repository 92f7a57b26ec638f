//! A server without free descriptors does not spin, and serves its open connections. It serves a waiting
//! connection as soon as another one closes, even if no further peer connects.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use echo_tests::peer::{connect, echo, expect, expect_silence, send};
use echo_tests::proc_fs::{cpu_time, descriptors};
use echo_tests::process::{Finished, ServerProcess, excerpt, server_shell};

use echo_tests::records::record;

/// The soft and the hard limit on descriptors; they are equal, so that the server cannot raise the soft
/// one.
const LIMIT: usize = 64;

const CLIENTS: usize = 100;

fn start_limited(args: &[&str]) -> ServerProcess {
    let script = format!(r#"ulimit -n {LIMIT}; exec "$0" "$@""#);
    ServerProcess::launch(server_shell(&script, args))
}

/// Opens all connections and sends a client's number on each. The server accepts them in this order.
fn crowd(server: &ServerProcess) -> Vec<TcpStream> {
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(server.addr())).collect();
    for (number, client) in clients.iter().enumerate() {
        send(client, format!("{number}\n"));
    }
    clients
}

#[track_caller]
fn expect_numbers(clients: &[TcpStream], first: usize) {
    for (number, client) in clients.iter().enumerate() {
        expect(client, format!("{}\n", first + number));
    }
}

/// Checks that the server serves the first `open` clients and uses hardly any CPU time while the others
/// wait, and that the others are served as clients leave.
fn endure(server: ServerProcess, open: usize, complaint: &str) -> Finished {
    let mut clients = crowd(&server);
    server.wait_for_line(complaint);
    expect_numbers(&clients[..open], 0);

    let cpu_before = cpu_time(server.pid());
    // The length of the observation.
    thread::sleep(Duration::from_secs(1));
    clients[..open].iter().for_each(|client| echo(client, "still there?\n"));
    let cpu = cpu_time(server.pid()).saturating_sub(cpu_before);
    assert!(cpu < Duration::from_millis(100), "{cpu:?} of CPU time while out of descriptors");
    clients[open..].iter().for_each(expect_silence);

    drop(clients.drain(..10));
    expect_numbers(&clients[open - 10..open], open);
    clients[open..].iter().for_each(expect_silence);
    clients[..open].iter().for_each(|client| echo(client, "still there?\n"));

    let mut first = 10;
    while clients.len() > open {
        drop(clients.drain(..open));
        first += open;
        expect_numbers(&clients[..open.min(clients.len())], first);
    }
    drop(clients);
    server.stop()
}

#[test]
fn at_the_connection_limit_that_the_descriptors_allow_others_wait() {
    let server = start_limited(&[]);
    let line = server.wait_for_line("listening");
    let max: usize = echo_tests::records::Record::parse(&line).number("max_connections");
    assert!((16..LIMIT).contains(&max), "{line}");
    let finished = endure(server, max, "connection limit reached");
    finished.expect_code(0);
    assert_eq!(finished.lines_with(&["accept error"]), [""; 0]);
    assert!(
        (1..=20).contains(&finished.lines_with(&["connection limit"]).len()),
        "{}",
        excerpt(&finished.stderr)
    );
    assert_eq!(
        record(&finished.stderr, "summary connections=").number::<usize>("connections"),
        CLIENTS
    );
}

#[test]
fn when_accepting_fails_for_want_of_descriptors_others_wait() {
    let server = start_limited(&["--max-connections", "1000"]);
    server.wait_for_line("max_connections=1000 is more than the descriptor limit allows");
    let open = LIMIT - descriptors(server.pid()).iter().filter(|number| **number < LIMIT).count();
    let finished = endure(server, open, "accept error=\"Too many open files");
    finished.expect_code(0);
    let complaints = finished.lines_with(&["accept"]);
    assert!(complaints.len() <= 2 * 4, "{}", excerpt(&finished.stderr));
    finished
        .lines_with(&["accepting again"])
        .first()
        .expect("the log reports that the server accepts again");
    assert_eq!(
        record(&finished.stderr, "summary connections=").number::<usize>("connections"),
        CLIENTS
    );
}
