//! The end of the server: signals and exit codes.

use std::net::TcpStream;

use echo_tests::peer::{connect, echo, rest, send};
use echo_tests::process::{ServerProcess, excerpt};
use echo_tests::wait::wait_until;
use nix::sys::signal::Signal;

use crate::clients::Stuck;
use echo_tests::records::{Record, record};

const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Arguments of a server that logs every record. In raw framing a message is as long as a read, so that
/// a flood does not make a record per line.
const SHOW_ALL: &[&str] = &["--log_level", "DEBUG", "--framing", "raw"];

#[test]
fn each_stop_signal_ends_an_idle_server_with_0() {
    for signal in SIGNALS {
        let server = ServerProcess::start(&[], &[]);
        echo(&connect(server.addr()), "hello\n");
        server.signal(signal);
        let finished = server.wait();
        finished.expect_code(0);
        record(&finished.stderr, "stopping connections=");
    }
}

/// A supervisor may stop a server as soon as its log shows that it listens.
#[test]
fn a_signal_right_after_the_listening_record_ends_the_server_with_0() {
    for number in 0..30 {
        let server = ServerProcess::start(&[], &[]);
        server.signal(SIGNALS[number % SIGNALS.len()]);
        let finished = server.wait();
        assert_eq!(finished.code, Some(0), "at server {number}: {finished:#?}");
    }
}

/// Clients that never close delay the end by the linger only, even if the drain timeout is long.
#[test]
fn idle_connections_do_not_delay_the_end() {
    let server = ServerProcess::start(&["--drain-timeout", "1h"], &[]);
    let streams: Vec<TcpStream> = (0..10).map(|_| connect(server.addr())).collect();
    streams.iter().for_each(|stream| echo(stream, "hello\n"));
    let finished = server.stop();
    finished.expect_code(0);
    assert_eq!(
        finished.lines_with(&["reason=shutdown"]).len(),
        10,
        "{}",
        excerpt(&finished.stderr)
    );
    drop(streams);
}

#[test]
fn what_has_arrived_is_echoed_before_the_end() {
    let server = ServerProcess::start(&[], &[]);
    let (half, both) = (connect(server.addr()), connect(server.addr()));
    send(&half, "half a line");
    echo(&both, "line\n");
    send(&both, "and a half");
    server.signal(Signal::SIGTERM);
    assert_eq!(rest(&half), b"half a line");
    assert_eq!(rest(&both), b"and a half");
    drop((half, both));
    let finished = server.wait();
    finished.expect_code(0);
    let summary = record(&finished.stderr, "summary connections=");
    assert_eq!((summary.field("received"), summary.field("sent")), ("26", "26"));
}

#[test]
fn a_stopping_server_refuses_connections() {
    let server = ServerProcess::start(&["--drain-timeout", "1h"], &[]);
    let addr = server.addr();
    let _stuck = Stuck::new(addr);
    server.signal(Signal::SIGTERM);
    server.wait_for_line("stopping");
    echo_tests::process::eventually("a refusal", || TcpStream::connect(addr).err());
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_the_exit_code_is_3() {
    let server = ServerProcess::start(&[SHOW_ALL, &["--drain-timeout", "200ms"]].concat(), &[]);
    let stuck = Stuck::new(server.addr());
    let good = connect(server.addr());
    echo(&good, "hello\n");
    send(&good, "rest");
    server.signal(Signal::SIGTERM);
    assert_eq!(rest(&good), b"rest");
    drop(good);
    let finished = server.wait();
    finished.expect_code(3);
    let told = record(&finished.stderr, "the drain timeout cut off connections=1");
    assert_eq!(told.level, "WARN");
    let summary = record(&finished.stderr, "summary connections=");
    assert_eq!((summary.field("connections"), summary.field("cut")), ("2", "1"));
    let cut = finished.line_with(&["connection closed", "reason=cut"]);
    let cut = Record::parse(cut);
    assert!(cut.number::<usize>("received") <= stuck.sent, "{cut:?}");
    assert!(cut.number::<usize>("sent") < cut.number("received"), "{cut:?}");
}

/// The server returns all bytes that had arrived when it began to stop. The client keeps the rest.
#[test]
fn a_slow_client_that_reads_in_time_gets_what_it_is_owed_and_the_exit_code_is_0() {
    let server = ServerProcess::start(&[SHOW_ALL, &["--drain-timeout", "1h"]].concat(), &[]);
    let slow = Stuck::new(server.addr());
    server.signal(Signal::SIGTERM);
    server.wait_for_line("stopping");
    let drained = slow.drain();
    assert!(0 < drained && drained <= slow.sent, "{drained} of {} bytes", slow.sent);
    drop(slow);
    let finished = server.wait();
    finished.expect_code(0);
    let closed = record(&finished.stderr, "connection closed");
    assert_eq!(
        ["received", "sent"].map(|key| closed.number::<usize>(key)),
        [drained; 2],
        "{closed:?}"
    );
}

#[test]
fn a_second_signal_ends_the_server_at_once_with_130() {
    for second in SIGNALS {
        let server = ServerProcess::start(&["--drain-timeout", "1h"], &[]);
        let _stuck = Stuck::new(server.addr());
        server.signal(Signal::SIGINT);
        server.wait_for_line("stopping connections=1; a second signal ends at once");
        // A signal that follows immediately belongs to the same request.
        wait_until("the record of the second signal", || {
            server.signal(second);
            server.stderr().so_far().contains("ended at once")
        });
        let finished = server.wait();
        finished.expect_code(130);
        let told = record(&finished.stderr, "ended at once by a second signal connections=1");
        assert_eq!(told.level, "ERROR");
    }
}

/// One request often sends two signals: `timeout` signals the program and then its group, and when a
/// terminal closes, both the kernel and the shell send one. On a slow machine the second signal may
/// arrive too late and count, so one success in five is enough.
#[test]
fn two_signals_at_once_are_one_request() {
    for second in SIGNALS {
        let is_one = (0..5).any(|_| is_stopped_once([Signal::SIGTERM, second]));
        assert!(is_one, "SIGTERM and {second}");
    }
}

/// Whether a server that gets two signals returns all that had arrived, and ends with 0.
fn is_stopped_once(signals: [Signal; 2]) -> bool {
    let server = ServerProcess::start(&[], &[]);
    let half = connect(server.addr());
    echo(&half, "hello\n");
    send(&half, "half a line");
    signals.into_iter().for_each(|signal| server.signal(signal));
    let echoed = rest(&half);
    drop(half);
    server.wait().code == Some(0) && echoed == b"half a line"
}

/// The server waits for no client, but a client that already has its whole echo does not count as cut
/// off.
#[test]
fn without_patience_those_who_have_everything_are_not_cut_off() {
    for patience in ["0", "1ms"] {
        let server = ServerProcess::start(&["--drain-timeout", patience], &[]);
        let idle = connect(server.addr());
        echo(&idle, "hello\n");
        let finished = server.stop();
        assert_eq!(finished.lines_with(&["reason=cut"]), [""; 0], "with {patience}");
        finished.expect_code(0);
        drop(idle);
    }
}

/// The server returns the bytes that have arrived, as far as it need not wait for the client.
#[test]
fn without_patience_what_has_arrived_is_still_echoed() {
    let server = ServerProcess::start(&["--drain-timeout", "0"], &[]);
    let half = connect(server.addr());
    echo(&half, "hello\n");
    send(&half, "half a line");
    server.signal(Signal::SIGTERM);
    assert_eq!(rest(&half), b"half a line");
}

/// The longest duration on the command line is longer than the system's clock can count.
#[test]
fn the_longest_durations_are_survived() {
    for flag in ["--drain-timeout", "--idle-timeout", "--report-interval"] {
        let server = ServerProcess::start(&[flag, "500000000000years"], &[]);
        let stream = connect(server.addr());
        send(&stream, "hello\nrest");
        server.signal(Signal::SIGTERM);
        assert_eq!(rest(&stream), b"hello\nrest", "with {flag}");
        drop(stream);
        server.wait().expect_code(0);
    }
}
