//! Many connections, and their distribution among the workers.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::thread;

use echo_common::descriptors;
use echo_server::{Config, Handle, Stats};
use echo_tests::alone::{alone, skip};
use echo_tests::peer::{self, expect, ping, send};
use echo_tests::running::{Running, bind, line, prepare};
use socket2::{Domain, Socket, Type};

/// Returns the number of connections that each worker has adopted.
fn adopted(handle: &Handle) -> Vec<u64> {
    handle.worker_stats().iter().map(|stats| stats.adopted).collect()
}

/// Checks that no worker has adopted more than 60 % of the connections.
#[track_caller]
fn expect_even(handle: &Handle) {
    let spread = adopted(handle);
    let total: u64 = spread.iter().sum();
    assert!(spread.iter().all(|count| 10 * count <= 6 * total), "{spread:?}");
}

/// Whether this process may open this many descriptors and 200 more. If not, reports that the test is
/// skipped.
fn may_open(descriptors: u64) -> bool {
    prepare();
    let limit = descriptors::limit().unwrap_or(u64::MAX);
    let may = limit >= descriptors + 200;
    if !may {
        skip(&format!("{descriptors} descriptors are needed, the limit is {limit}"));
    }
    may
}

/// Begins to connect, without waiting for an answer.
fn begin_connect(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    // The call reports an attempt in progress as an error. A failure shows at the first use.
    let _ = socket.connect(&address.into());
    socket.set_nonblocking(false).unwrap();
    let stream = TcpStream::from(socket);
    peer::with_deadlines(&stream);
    stream
}

#[test]
fn a_flood_of_2000_connections_loses_none_and_spreads_evenly() {
    const COUNT: u64 = 2_000;
    if !may_open(2 * COUNT) {
        return;
    }
    let server = bind(Config { channel_capacity: NonZeroUsize::MIN, ..line(2) });
    // All of them wait in the backlog when the server begins.
    let streams: Vec<_> = (0..COUNT).map(|_| begin_connect(server.local_addr())).collect();
    let server = Running::run(server);
    streams.iter().for_each(|stream| send(stream, "flood\n"));
    streams.iter().for_each(|stream| expect(stream, "flood\n"));
    server.wait_for("all of them", |stats| stats.adopted == COUNT);
    expect_even(&server.handle);
    drop(streams);
    server.wait_for("their end", |stats| stats.closed == COUNT);
    server.stop_clean();
}

#[test]
fn connections_that_come_from_all_sides_at_once_are_all_served() {
    const THREADS: usize = 20;
    const ROUNDS: usize = 50;
    let server = Running::start(Config { channel_capacity: NonZeroUsize::MIN, ..line(3) });
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    let streams: Vec<_> = (0..1 + round % 5).map(|_| server.connect()).collect();
                    streams.iter().for_each(ping);
                }
            });
        }
    });
    let stats = server.stop_clean().stats;
    assert_eq!((stats.adopted, stats.probes), (3_000, 0));
}

#[test]
fn five_thousand_connections_are_held_and_all_served() {
    alone("crowd::five_thousand_connections_are_held_and_all_served", || {
        const COUNT: u64 = 5_000;
        if !may_open(2 * COUNT) {
            return;
        }
        let server = Running::start(line(2));
        let streams: Vec<_> = (0..COUNT).map(|_| server.connect()).collect();
        streams.iter().for_each(ping);
        streams.iter().for_each(|stream| send(stream, "all at once\n"));
        streams.iter().for_each(|stream| expect(stream, "all at once\n"));
        assert_eq!(server.stats().open(), COUNT);
        expect_even(&server.handle);
        streams.iter().rev().for_each(ping);
        drop(streams);
        server.wait_for("the end of all", |stats| stats.open() == 0);
        server.stop_clean();
    });
}

/// Opens connections to a server with three workers, one after the other, and checks that the workers
/// take turns. `keep` receives each connection, and decides whether it stays open.
fn check_turns(keep: impl Fn(&Running, TcpStream, u64)) {
    let server = Running::start(line(3));
    for number in 0..30 {
        let before = adopted(&server.handle);
        let stream = server.connect();
        ping(&stream);
        server.wait_for("the connection", |stats| stats.adopted == number as u64 + 1);
        let mut after = before;
        after[number % 3] += 1;
        assert_eq!(adopted(&server.handle), after);
        keep(&server, stream, number as u64);
    }
    server.stop_clean();
}

#[test]
fn equal_workers_take_turns() {
    let held = RefCell::new(vec![]);
    check_turns(|_, stream, _| held.borrow_mut().push(stream));
}

#[test]
fn workers_with_nothing_to_do_take_turns() {
    check_turns(|server, stream, number| {
        drop(stream);
        server.wait_for("its end", |stats| stats.closed == number + 1);
    });
}

#[test]
fn long_lived_connections_do_not_pile_up_when_short_ones_come_between() {
    let server = Running::start(line(2));
    let mut long_lived = vec![];
    for number in 1..=20 {
        long_lived.push(server.connect());
        ping(&long_lived[number - 1]);
        ping(&server.connect());
        server.wait_for("the short one's end", |stats| stats.closed == number as u64);
    }
    let open: Vec<_> = server.handle.worker_stats().iter().map(Stats::open).collect();
    assert_eq!(open, [10, 10]);
    drop(long_lived);
    server.stop_clean();
}
