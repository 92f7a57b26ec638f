//! The idle timeout.

use std::io::Read;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use echo_server::Config;
use echo_tests::content::Content;
use echo_tests::peer::{self, echo, ping, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind, line};

/// Returns the same settings with an idle timeout.
fn impatient(config: Config, idle_ms: u64) -> Config {
    Config { idle_timeout: Some(Duration::from_millis(idle_ms)), ..config }
}

#[test]
fn an_idle_connection_gets_its_rest_and_the_end() {
    for config in every_kind() {
        let server = Running::start(impatient(config, 50));
        for text in ["", "line\n", "half a line", "line\nand a half"] {
            let streams: Vec<_> = (0..10).map(|_| server.connect()).collect();
            streams.iter().for_each(|stream| send(stream, text));
            streams.iter().for_each(|stream| assert_eq!(peer::rest(stream), text.as_bytes()));
        }
        server.wait_for("the ends", |stats| stats.closed == 40);
        assert_eq!(server.stop_clean().stats.idle, 40);
    }
}

#[test]
fn an_idle_connection_is_closed_though_the_peer_does_not_close() {
    let server = Running::start(impatient(line(2), 50));
    let streams: Vec<_> = (0..10).map(|_| server.connect()).collect();
    streams.iter().for_each(|stream| send(stream, "half"));
    let stats = server.wait_for("the ends", |stats| stats.closed == 10);
    assert_eq!((stats.idle, stats.failed, stats.cut), (10, 0, 0));
    streams.iter().for_each(|stream| assert_eq!(peer::rest(stream), b"half"));
    server.stop_clean();
}

#[test]
fn a_connection_with_traffic_is_not_idle() {
    let server = Running::start(impatient(line(2), 1_000));
    let active = server.connect();
    for round in 0..3 {
        // The server closes this connection after the idle timeout. The loop ends then.
        let idle = server.connect();
        ping(&idle);
        while server.stats().idle == round {
            echo(&active, "a byte more of a line\n");
        }
    }
    ping(&active);
    drop(active);
    assert_eq!(server.stop_clean().stats.idle, 3);
}

#[test]
fn bytes_of_an_unfinished_line_are_traffic() {
    let server = Running::start(impatient(line(1), 1_000));
    let active = server.connect();
    let mut sent = 0;
    for round in 0..2 {
        let idle = server.connect();
        ping(&idle);
        while server.stats().idle == round {
            send(&active, "x");
            sent += 1;
            let before = 5 * (round + 1);
            server.wait_for("the byte", |stats| stats.received == before + sent);
        }
    }
    send(&active, "\n");
    peer::expect(&active, "x".repeat(usize::try_from(sent).unwrap()) + "\n");
    drop(active);
    server.stop_clean();
}

/// The system reports that a socket is writable only when it has much room. So the server gets no event
/// for a long time, although the peer reads all the time.
#[test]
fn a_peer_that_takes_its_echo_slowly_is_not_idle() {
    const LEN: usize = 6_000_000;
    let server = Running::start(impatient(line(2), 1_000));
    let slow = peer::connect_with_buffer(server.address, 256 * 1024);
    let content = Content::new(&mut Random::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            send(&slow, content.bytes(LEN));
            slow.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = 0;
        for round in 0..3 {
            // The server closes this connection after the idle timeout. The loop ends then.
            let idle = server.connect();
            ping(&idle);
            while server.stats().idle == round {
                let mut chunk = [0; 4 * 1024];
                (&slow).read_exact(&mut chunk).expect("the connection lives");
                content.check(received, &chunk);
                received += chunk.len();
                // The peer reads slowly: in a second, far fewer bytes than the system buffers.
                thread::sleep(Duration::from_millis(10));
            }
        }
        let mut rest = vec![];
        (&slow).read_to_end(&mut rest).expect("the connection lives");
        content.check(received, &rest);
        assert_eq!(received + rest.len(), LEN);
    });
    drop(slow);
    assert_eq!(server.stop_clean().stats.idle, 3);
}

#[test]
fn a_peer_that_stopped_reading_is_given_up() {
    for config in every_kind() {
        let workers = config.num_workers.get();
        let server = Running::start(impatient(config, 200));
        let stream = server.connect();
        let content = Content::new(&mut Random::new());
        // The server stops reading, or it closes the connection before that is noticed.
        peer::stuff_until_broken(&stream, content, 200 << 20);
        let stats = server.wait_for("the end", |stats| stats.closed == 1);
        assert_eq!(
            (stats.idle, stats.cut, stats.open()),
            (1, 0, 0),
            "{workers} workers: {stats:?}"
        );
        ping(&server.connect());
        assert!(server.stop().all_delivered(), "the drain timeout cut nothing");
    }
}

#[test]
fn a_peer_that_finished_and_does_not_read_is_given_up() {
    let server = Running::start(impatient(line(2), 2_000));
    let stream = server.connect();
    let _ = peer::stuff(&stream, Content::new(&mut Random::new()), 200 << 20);
    stream.shutdown(Shutdown::Write).unwrap();
    let stats = server.wait_for("the end", |stats| stats.closed == 1);
    assert_eq!((stats.idle, stats.cut, stats.open()), (1, 0, 0), "{stats:?}");
}

#[test]
fn what_comes_after_the_idle_end_is_discarded() {
    let server = Running::start(impatient(line(2), 50));
    let stream = server.connect();
    send(&stream, "half");
    assert_eq!(peer::rest(&stream), b"half");
    send(&stream, "late\n".repeat(10_000));
    drop(stream);
    let stats = server.wait_for("the end", |stats| stats.closed == 1);
    assert_eq!((stats.idle, stats.received, stats.failed), (1, 4, 0));
    server.stop_clean();
}

#[test]
fn without_an_idle_timeout_nobody_is_given_up() {
    let server = Running::start(line(1));
    let patient = server.connect();
    send(&patient, "half");
    let other = Running::start(impatient(line(1), 1_000));
    let idle = other.connect();
    assert_eq!(peer::rest(&idle), b"");
    send(&patient, "\n");
    peer::expect(&patient, "half\n");
    drop((patient, idle));
    server.stop_clean();
}
