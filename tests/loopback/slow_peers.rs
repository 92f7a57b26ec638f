//! Shutdown with peers that read slowly or not at all.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use echo_server::Config;
use echo_tests::content::Content;
use echo_tests::peer::{self, ping, send, stuff};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind, line, raw};

const TOO_MANY: usize = 200 << 20;

#[test]
fn a_peer_that_never_reads_is_cut_at_the_drain_timeout() {
    for config in every_kind() {
        let server = Running::start(Config { drain_timeout: Duration::from_millis(300), ..config });
        let (stuck, idle) = (server.connect(), server.connect());
        ping(&idle);
        send(&idle, "half");
        let _ = stuff(&stuck, Content::new(&mut Random::new()), TOO_MANY);
        let summary = server.stop();
        assert!(!summary.all_delivered());
        let stats = summary.stats;
        assert_eq!((stats.open(), stats.cut, stats.failed), (0, 1, 0), "{stats:?}");
        assert_eq!(peer::rest(&idle), b"half");
    }
}

#[test]
fn a_peer_that_has_room_for_its_echo_and_never_reads_is_cut_too() {
    // The server has handed everything to the system, but the peer's receive window is closed.
    let server = Running::start(Config { drain_timeout: Duration::from_millis(1_500), ..raw(1) });
    let stuck = server.connect();
    send_all_into_buffers(&server, &stuck, Content::new(&mut Random::new()));
    let summary = server.stop();
    assert!(!summary.all_delivered());
    assert_eq!((summary.stats.open(), summary.stats.cut), (0, 1));
}

#[test]
fn a_slow_peer_gets_everything_within_the_drain_timeout() {
    for config in [line(1), raw(2)] {
        let server = Running::start(Config { drain_timeout: Duration::from_secs(60), ..config });
        let streams = [server.connect(), server.connect()];
        let content = Content::new(&mut Random::new());
        let sent = streams.each_ref().map(|stream| stuff(stream, content, TOO_MANY));
        server.handle.shutdown();
        wait_for_a_linger(&server);
        let echoed = streams.each_ref().map(|stream| peer::drain(stream, content));
        assert!(echoed.iter().zip(sent).all(|(&echoed, sent)| echoed <= sent));
        drop(streams);
        let stats = server.stop_clean().stats;
        assert_eq!(stats.sent, echoed.iter().sum::<usize>() as u64);
    }
}

#[test]
fn a_slow_peer_gets_what_the_system_still_holds_after_the_linger() {
    let server = Running::start(Config { drain_timeout: Duration::from_secs(60), ..raw(1) });
    let (slow, idle) = (server.connect(), server.connect());
    let content = Content::new(&mut Random::new());
    let sent = send_all_into_buffers(&server, &slow, content);
    ping(&idle);
    server.handle.shutdown();
    // The idle peer does not close, so the server closes its connection at the end of the linger.
    server.wait_for("the linger's end", |stats| stats.closed == 1);
    assert_eq!(peer::drain(&slow, content), sent);
    drop((slow, idle));
    server.stop_clean();
}

/// Sends an amount that the buffers of the two ends can hold, so that the server writes its whole echo,
/// but more than the peer's receive buffer holds. The server must have received nothing before. Returns
/// the number of bytes.
fn send_all_into_buffers(server: &Running, stream: &TcpStream, content: Content) -> usize {
    let text = content.bytes(600_000);
    send(stream, &text);
    server.wait_for("the echo in the buffers", |stats| stats.sent == 600_000);
    text.len()
}

/// Waits for the length of a linger, by way of a second server that lingers.
fn wait_for_a_linger(server: &Running) {
    let other = Running::start(line(1));
    let idle = other.connect();
    ping(&idle);
    other.stop_clean();
    assert!(server.stats().open() > 0, "the server does not wait for the slow peers");
}

#[test]
fn a_second_shutdown_does_not_cut_the_slow() {
    let server = Running::start(Config { drain_timeout: Duration::from_secs(60), ..line(2) });
    let slow = server.connect();
    let content = Content::new(&mut Random::new());
    let _ = stuff(&slow, content, TOO_MANY);
    server.handle.shutdown();
    server.handle.shutdown();
    let echoed = peer::drain(&slow, content);
    drop(slow);
    assert_eq!(server.stop_clean().stats.sent, echoed as u64);
}

#[test]
fn a_peer_that_breaks_while_the_server_drains_is_no_loss_of_the_servers() {
    let server = Running::start(Config { drain_timeout: Duration::from_secs(60), ..line(2) });
    let stuck = server.connect();
    let _ = stuff(&stuck, Content::new(&mut Random::new()), TOO_MANY);
    server.handle.shutdown();
    peer::reset(stuck);
    let summary = server.stop();
    assert!(summary.all_delivered());
    assert_eq!((summary.stats.failed, summary.stats.cut), (1, 0));
}

#[test]
fn a_peer_that_connects_during_the_drain_is_refused() {
    let server = Running::start(Config { drain_timeout: Duration::from_secs(60), ..line(2) });
    let slow = server.connect();
    let content = Content::new(&mut Random::new());
    let _ = stuff(&slow, content, TOO_MANY);
    server.handle.shutdown();
    echo_tests::wait::wait_until("a closed listener", || {
        match TcpStream::connect(server.address) {
            Ok(mut late) => {
                // The system accepted this connection just before the listener closed. If the system
                // drops it together with the listener, a peer that sends nothing learns nothing.
                let _ = late.write_all(b"x");
                let _ = late.read(&mut [0]);
                false
            }
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
        }
    });
    let _ = peer::drain(&slow, content);
    drop(slow);
    server.stop_clean();
}
