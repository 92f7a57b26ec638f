//! Settings at the limits of their ranges.

use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use echo_server::Config;
use echo_tests::peer::{self, echo, ping, send};
use echo_tests::running::{Running, bind, line};

/// Runs a server with these settings, and checks one connection from its start to the server's stop.
fn check(config: Config) {
    let server = Running::start(config);
    let stream = server.connect();
    echo(&stream, "line\n");
    send(&stream, "half");
    server.wait_for("the half", |stats| stats.received == 9);
    server.handle.shutdown();
    assert_eq!(peer::rest(&stream), b"half");
    drop(stream);
    server.stop_clean();
}

#[test]
fn timeouts_may_be_endless() {
    check(Config { idle_timeout: Some(Duration::MAX), ..line(1) });
    check(Config { report_interval: Some(Duration::MAX), ..line(1) });
}

#[test]
fn the_drain_timeout_may_be_endless() {
    check(Config { drain_timeout: Duration::MAX, ..line(1) });
}

#[test]
fn lines_may_be_of_any_length() {
    check(Config { max_line_length: NonZeroUsize::MAX, ..line(1) });
}

#[test]
fn limits_may_be_as_large_as_they_get() {
    check(Config { max_connections: Some(NonZeroU64::MAX), ..line(1) });
    check(Config { backlog: NonZeroU16::MAX, ..line(1) });
}

#[test]
fn a_backlog_of_one_is_enough_for_one_after_the_other() {
    let server = Running::start(Config { backlog: NonZeroU16::MIN, ..line(1) });
    for _ in 0..100 {
        ping(&server.connect());
    }
    server.stop_clean();
}

#[test]
fn many_workers_serve() {
    let server = Running::start(line(64));
    let streams: Vec<_> = (0..128).map(|_| server.connect()).collect();
    streams.iter().for_each(ping);
    server.wait_for("all of them", |stats| stats.adopted == 128);
    assert!(server.handle.worker_stats().iter().all(|worker| worker.adopted == 2));
    drop(streams);
    server.stop_clean();
}

#[test]
fn a_report_at_every_millisecond_disturbs_nobody() {
    check(Config { report_interval: Some(Duration::from_millis(1)), ..line(2) });
}

#[test]
fn without_a_drain_timeout_only_those_who_are_owed_bytes_are_cut() {
    let server = Running::start(Config { drain_timeout: Duration::ZERO, ..line(2) });
    let streams: Vec<_> = (0..10).map(|_| server.connect()).collect();
    streams.iter().for_each(ping);
    server.wait_for("the pings", |stats| stats.sent == 50);
    let summary = server.stop();
    assert_eq!((summary.stats.cut, summary.all_delivered()), (0, true));
}

#[test]
fn without_a_drain_timeout_those_whom_nobody_has_accepted_are_served() {
    let server = bind(Config { drain_timeout: Duration::ZERO, ..line(2) });
    let streams: Vec<_> = (0..150).map(|_| peer::connect(server.local_addr())).collect();
    streams.iter().for_each(|stream| send(stream, "line\nrest"));
    server.handle().shutdown();
    let server = Running::run(server);
    for stream in &streams {
        assert_eq!(peer::rest(stream), b"line\nrest");
    }
    drop(streams);
    server.stop_clean();
}
