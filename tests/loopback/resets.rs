//! Connections that the peer resets.

use std::net::TcpStream;
use std::thread;

use echo_server::Stats;
use echo_tests::content::Content;
use echo_tests::peer::{self, ping, reset, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind};

const ROUNDS: u64 = 20;

/// Resets connections, each after `prepare`, while other connections ping. Then checks that the other
/// connections and the server still work. Of the reset connections, `probes` count as probes, and the
/// rest as failed.
fn check(probes: u64, prepare: impl Fn(&Running, &TcpStream)) {
    for config in every_kind() {
        let workers = config.num_workers.get();
        let server = Running::start(config);
        let others: Vec<_> = (0..workers).map(|_| server.connect()).collect();
        for round in 1..=ROUNDS {
            let stream = server.connect();
            prepare(&server, &stream);
            reset(stream);
            others.iter().for_each(ping);
            server.wait_for("the end of the reset connection", |stats| stats.closed == round);
        }
        others.iter().for_each(ping);
        ping(&server.connect());
        let Stats { failed, cut, .. } = server.stats();
        assert_eq!((server.stats().probes, failed, cut), (probes, ROUNDS - probes, 0));
        drop(others);
        let summary = server.stop();
        assert_eq!((summary.stats.open(), summary.stats.failed), (0, failed));
        assert!(summary.all_delivered(), "a reset by the peer is no loss by the server");
    }
}

#[test]
fn a_reset_before_the_first_byte_ends_only_that_connection() {
    check(ROUNDS, |_, _| {});
}

#[test]
fn a_reset_between_lines_ends_only_that_connection() {
    check(0, |_, stream| ping(stream));
}

#[test]
fn a_reset_in_mid_line_ends_only_that_connection() {
    check(0, |server, stream| {
        let before = server.stats().received;
        send(stream, "half a line");
        server.wait_for("half a line", |stats| stats.received >= before + 11);
    });
}

#[test]
fn a_reset_with_an_echo_unread_ends_only_that_connection() {
    check(0, |server, stream| {
        let before = server.stats().sent;
        send(stream, "line\n");
        server.wait_for("the echo", |stats| stats.sent >= before + 5);
    });
}

#[test]
fn a_reset_in_mid_echo_ends_only_that_connection() {
    let content = Content::new(&mut Random::new());
    check(0, |server, stream| {
        let before = server.stats().sent;
        thread::scope(|scope| {
            // The peer sends more than it reads, so all buffers on the way are full.
            scope.spawn(|| peer::send(stream, content.bytes(1 << 20)));
            peer::expect(stream, content.bytes(100_000));
        });
        server.wait_for("some of the echo", |stats| stats.sent > before + 100_000);
    });
}

#[test]
fn a_reset_with_output_pending_ends_only_that_connection() {
    let content = Content::new(&mut Random::new());
    for config in every_kind() {
        let server = Running::start(config);
        let streams: Vec<_> = (0..4).map(|_| server.connect()).collect();
        let other = server.connect();
        thread::scope(|scope| {
            for stream in &streams {
                scope.spawn(|| assert!(peer::stuff(stream, content, 200 << 20) > 0));
            }
        });
        server.wait_for("pending output", |stats| stats.received > stats.sent);
        streams.into_iter().for_each(reset);
        server.wait_for("the end of the reset connections", |stats| stats.closed == 4);
        ping(&other);
        ping(&server.connect());
        drop(other);
        let stats = server.stop().stats;
        assert_eq!((stats.open(), stats.failed, stats.cut), (0, 4, 0));
    }
}
