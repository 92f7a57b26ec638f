//! Shutdown with peers that read.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::num::{NonZeroU16, NonZeroUsize};
use std::thread;
use std::time::Duration;

use echo_server::{Config, Stats};
use echo_tests::content::Content;
use echo_tests::peer::{self, ping, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, bind, every_kind, line, raw};
use echo_tests::wait::{Over, holds_in_time};

/// Returns the same settings with a drain timeout longer than every deadline of the tests. A test fails
/// if the server waits for this timeout.
fn patient(config: Config) -> Config {
    Config { drain_timeout: Duration::from_secs(3_600), ..config }
}

#[test]
fn idle_connections_see_the_end_and_do_not_delay_it() {
    for config in every_kind() {
        let server = Running::start(patient(config));
        let streams: Vec<_> = (0..50).map(|_| server.connect()).collect();
        streams.iter().for_each(ping);
        // No peer closes its side before the server has ended.
        server.stop_clean();
        streams.iter().for_each(|stream| assert_eq!(peer::rest(stream), b""));
    }
}

#[test]
fn the_end_comes_before_the_linger_is_over_when_the_peers_close() {
    // The peer of this server does not close, so this server lingers for its full time.
    let lingers = Running::start(patient(line(1)));
    let stays = lingers.connect();
    ping(&stays);
    lingers.handle.shutdown();
    for workers in [1, 2] {
        let server = Running::start(patient(line(workers)));
        let streams: Vec<_> = (0..20).map(|_| server.connect()).collect();
        streams.iter().for_each(ping);
        server.handle.shutdown();
        for stream in streams {
            assert_eq!(peer::rest(&stream), b"");
        }
        server.stop_clean();
    }
    assert_eq!(lingers.stats().open(), 1, "the server whose peer does not close has ended first");
    lingers.stop_clean();
}

#[test]
fn without_connections_the_end_comes_at_once() {
    for config in every_kind() {
        let server = Running::start(patient(config));
        drop(server.connect());
        server.wait_for("the probe's end", |stats| stats.closed == 1);
        assert_eq!(server.stop_clean().stats.adopted, 1);
    }
}

#[test]
fn a_half_received_line_comes_back_as_it_is() {
    let server = Running::start(patient(line(2)));
    let texts = ["h", "half a line", "\r", "line\n\nhalf"].map(|text| text.repeat(100));
    let streams = texts.each_ref().map(|text| {
        let stream = server.connect();
        send(&stream, text);
        stream
    });
    let total = texts.iter().map(|text| text.len() as u64).sum::<u64>();
    server.wait_for("the halves", |stats| stats.received == total);
    server.handle.shutdown();
    for (stream, text) in streams.iter().zip(&texts) {
        assert_eq!(peer::rest(stream), text.as_bytes());
    }
    drop(streams);
    assert_eq!(server.stop_clean().stats.received, total);
}

#[test]
fn active_peers_get_back_what_had_arrived_and_no_reset() {
    for config in [line(1), line(2), raw(2)] {
        let server = Running::start(patient(config));
        let content = Content::new(&mut Random::new());
        let echoed: usize = thread::scope(|scope| {
            let peers: Vec<_> = (0..50)
                .map(|_| scope.spawn(|| pipeline(&server.connect(), content, 20_000)))
                .collect();
            shut_down_amid_traffic(&server, 50);
            peers.into_iter().map(|peer| peer.join().unwrap()).sum()
        });
        let stats = server.stop_clean().stats;
        assert_eq!(stats.sent, echoed as u64);
    }
}

#[test]
fn floods_get_back_what_had_arrived_and_no_reset() {
    for config in [line(2), raw(1)] {
        let server = Running::start(patient(config));
        let content = Content::new(&mut Random::new());
        let echoed: usize = thread::scope(|scope| {
            let peers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| pipeline(&server.connect(), content, 1 << 20)))
                .collect();
            shut_down_amid_traffic(&server, 4);
            peers.into_iter().map(|peer| peer.join().unwrap()).sum()
        });
        let stats = server.stop_clean().stats;
        assert_eq!(stats.sent, echoed as u64);
    }
}

/// Shuts down once this number of connections are busy. Shuts down even if they never are, so that the
/// threads of the peers end.
fn shut_down_amid_traffic(server: &Running, connections: u64) {
    let is_busy = |stats: Stats| stats.adopted == connections && stats.sent > 20 << 20;
    let was_busy = holds_in_time(|| is_busy(server.stats()));
    server.handle.shutdown();
    assert!(was_busy, "{:?}", server.stats());
}

/// Sends without end, and receives until the server finishes. Returns the number of bytes that came
/// back, all of them right.
fn pipeline(stream: &TcpStream, content: Content, write_len: usize) -> usize {
    let over = Over::default();
    thread::scope(|scope| {
        let _until = over.guard();
        scope.spawn(|| send_until(stream, content, write_len, &over));
        peer::drain(stream, content)
    })
}

fn send_until(mut stream: &TcpStream, content: Content, len: usize, over: &Over) {
    let mut chunk = vec![0; len];
    let mut sent = 0;
    while !over.is_over() {
        content.fill(sent, &mut chunk);
        match stream.write(&chunk) {
            Ok(len) => sent += len,
            // The server has finished. The receiving half will see the end of the stream.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    // This fails if the server has closed already.
    let _ = stream.shutdown(Shutdown::Write);
}

#[test]
fn a_flood_that_goes_on_does_not_delay_the_end() {
    for config in every_kind() {
        let server = Running::start(patient(config));
        let content = Content::new(&mut Random::new());
        let stream = server.connect();
        let over = Over::default();
        thread::scope(|scope| {
            let _until = over.guard();
            // The flood continues after the server's end of stream, until the connection is gone.
            scope.spawn(|| send_until(&stream, content, 1 << 20, &over));
            scope.spawn(|| assert!(peer::drain(&stream, content) > 0));
            server.wait_for("traffic", |stats| stats.sent > 20 << 20);
            server.stop_clean();
        });
    }
}

#[test]
fn connections_that_nobody_has_accepted_are_served() {
    for capacity in [1, 100] {
        let channel_capacity = NonZeroUsize::new(capacity).unwrap();
        let server = bind(patient(Config { channel_capacity, ..line(2) }));
        let streams: Vec<_> = (0..300).map(|_| peer::connect(server.local_addr())).collect();
        streams.iter().for_each(|stream| send(stream, "line\nhalf"));
        // The server learns of the stop and of the connections at the same time.
        server.handle().shutdown();
        let server = Running::run(server);
        streams.iter().for_each(|stream| assert_eq!(peer::rest(stream), b"line\nhalf"));
        drop(streams);
        let stats = server.stop_clean().stats;
        assert_eq!((stats.adopted, stats.received), (300, 300 * 9));
    }
}

/// Linux queues one connection more than the backlog, and the acceptor accepts 64 at a time.
#[test]
fn a_full_queue_is_served_to_the_last() {
    for backlog in [63, 64, 128] {
        let server =
            bind(patient(Config { backlog: NonZeroU16::new(backlog).unwrap(), ..line(1) }));
        let streams: Vec<_> = (0..=backlog).map(|_| peer::connect(server.local_addr())).collect();
        streams.iter().for_each(|stream| send(stream, "line\nhalf"));
        server.handle().shutdown();
        let server = Running::run(server);
        streams.iter().for_each(|stream| assert_eq!(peer::rest(stream), b"line\nhalf"));
        drop(streams);
        assert_eq!(server.stop_clean().stats.adopted, u64::from(backlog) + 1);
    }
}

#[test]
fn peers_that_finish_at_the_same_moment_get_everything() {
    for config in every_kind() {
        for round in 0..10 {
            let server = Running::start(patient(config.clone()));
            let streams: Vec<_> = (0..20).map(|_| server.connect()).collect();
            streams.iter().for_each(|stream| send(stream, "line\nhalf"));
            server.wait_for("all that was sent", |stats| stats.received == 20 * 9);
            thread::scope(|scope| {
                scope.spawn(|| server.handle.shutdown());
                let (waiting, finishing) = streams.split_at(round);
                finishing.iter().for_each(|stream| {
                    assert_eq!(peer::finish(stream), b"line\nhalf");
                });
                waiting.iter().for_each(|stream| assert_eq!(peer::rest(stream), b"line\nhalf"));
            });
            drop(streams);
            server.stop_clean();
        }
    }
}

#[test]
fn shutdown_may_be_asked_for_again_and_after_the_end() {
    let server = Running::start(patient(line(2)));
    let stream = server.connect();
    send(&stream, "half");
    server.wait_for("the half", |stats| stats.received == 4);
    let handle = server.handle.clone();
    (0..100).for_each(|_| handle.shutdown());
    assert_eq!(peer::rest(&stream), b"half");
    (0..100).for_each(|_| handle.shutdown());
    drop(stream);
    let summary = server.stop_clean();
    handle.shutdown();
    assert_eq!(handle.stats(), summary.stats);
    assert_eq!(handle.worker_stats(), summary.workers);
}

#[test]
fn a_server_may_be_stopped_before_it_runs() {
    let server = bind(patient(line(2)));
    server.handle().shutdown();
    assert_eq!(Running::run(server).stop_clean().stats.adopted, 0);
}
