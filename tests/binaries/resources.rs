//! The server leaks nothing, and its memory is bounded.

use std::net::{Shutdown, SocketAddr};
use std::thread;

use echo_tests::peer::{connect, echo, exchange, finish, send};
use echo_tests::proc_fs::{descriptors, resident_bytes, threads};
use echo_tests::process::{ServerProcess, eventually};

use crate::clients::Stuck;
use echo_tests::records::record;

const MIB: u64 = 1 << 20;

/// Opens connections of three kinds in turn: a whole session, a reset, a probe.
fn short_connections(server: SocketAddr, count: usize) {
    for number in 0..count {
        let stream = connect(server);
        match number % 3 {
            0 => {
                send(&stream, "a line\nand a rest");
                assert_eq!(finish(&stream), b"a line\nand a rest");
            }
            // The connection closes with an unread echo, which resets it.
            1 => {
                send(&stream, "a line\nand a rest");
                stream.peek(&mut [0]).unwrap();
            }
            _ => {}
        }
    }
}

/// Opens short connections in parallel, and waits until the server has closed all of them.
fn batches(server: &ServerProcess, idle_descriptors: usize, count: usize) {
    const PARALLEL: usize = 8;
    thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| short_connections(server.addr(), count / PARALLEL));
        }
    });
    eventually("the descriptors of an idle server", || {
        (descriptors(server.pid()).len() == idle_descriptors).then_some(())
    });
}

#[test]
fn nothing_leaks_over_ten_thousand_short_connections() {
    let server = ServerProcess::start(&["--report-interval", "0"], &[]);
    // Once a connection has been served, all threads have started.
    echo(&connect(server.addr()), "hello\n");
    let thread_count = threads(server.pid()).len();
    let idle_descriptors = eventually("the connection's end", || {
        let line = server.stderr().so_far();
        line.contains("connection closed").then(|| descriptors(server.pid()).len())
    });
    batches(&server, idle_descriptors, 1_000);
    let resident = resident_bytes(server.pid());
    batches(&server, idle_descriptors, 10_000);
    let grown = resident_bytes(server.pid()).saturating_sub(resident);
    assert_eq!(threads(server.pid()).len(), thread_count);
    assert!(grown < 2 * MIB, "{grown} bytes more after 10,000 connections");
    let finished = server.stop();
    finished.expect_code(0);
    let summary = record(&finished.stderr, "summary connections=");
    let sum = summary.number::<u64>("connections") + summary.number::<u64>("probes");
    assert_eq!(sum, 11_001, "{summary:?}");
}

/// Of the 64 MiB the buffers of the system take a few. The server holds one read and one line per
/// connection.
#[test]
fn clients_that_never_read_cost_no_memory() {
    let server = ServerProcess::start(&[], &[]);
    echo(&connect(server.addr()), "hello\n");
    let before = resident_bytes(server.pid());
    let clients: Vec<Stuck> = thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(|| Stuck::new(server.addr()))).collect();
        running.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let grown = resident_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 4 * MIB, "{grown} bytes more for four clients that never read");
    echo(&connect(server.addr()), "the others are served\n");
    for client in clients {
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.drain(), client.sent);
    }
    server.stop().expect_code(0);
}

/// A line of 64 MiB goes back in pieces, so the server does not hold it.
#[test]
fn an_endless_line_costs_no_memory() {
    let server = ServerProcess::start(&[], &[]);
    let stream = connect(server.addr());
    echo(&stream, "hello\n");
    let before = resident_bytes(server.pid());
    exchange(&stream, &vec![b'x'; 64 << 20]);
    let grown = resident_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 2 * MIB, "{grown} bytes more for an endless line");
}

/// The acceptor gives way so that it accepts in batches while a worker is busy on the same CPU.
#[cfg(target_os = "linux")]
#[test]
fn the_acceptor_gives_way_to_workers() {
    const USUAL: u32 = 0;
    const BATCH: u32 = 3;
    let server = ServerProcess::start(&["--num-workers", "1"], &[]);
    echo(&connect(server.addr()), "hello\n");
    let policy = |name: &str| {
        threads(server.pid()).iter().find(|thread| thread.name == name).map(|thread| thread.policy)
    };
    eventually("the acceptor's policy", || (policy("acceptor")? == BATCH).then_some(()));
    assert_eq!(policy("worker-0"), Some(USUAL));
}
