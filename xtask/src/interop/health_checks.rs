//! The health checks of HAProxy: never to be mistaken for the traffic that it carries.
//!
//! How each kind reaches the server was seen with HAProxy 2.6 on Linux:
//!
//! - Plain `check`, `option tcp-check` without rules: a SYN, and a reset in answer to the server's
//!   SYN ACK. The handshake is never finished, so the server's system has nothing to be accepted.
//! - `tcp-check connect linger`: connected, and closed without a byte. A probe.
//! - `tcp-check connect` with another rule after it: connected, and reset without a byte. A probe
//!   too, and no fault of anyone.
//! - `tcp-check send` and `expect`: a conversation with bytes, so a connection like any other. It
//!   ends with a reset, and is counted as failed, unless there is a `linger`.

use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

use echo_tests::process::ServerProcess;
use echo_tests::records::Record;

use super::haproxy::{HaProxy, PACKAGES};
use super::proxied::{CONNECTIONS, crowd};
use super::tally::Tally;
use super::with_packages;
use crate::check::{Check, Outcome, kept};

/// About ten checks of the server's health.
const WATCHED: Duration = Duration::from_secs(1);

const MIN_PROBES: u64 = 5;

/// Each check of the server's health says this.
const PING: &str = "ping\n";

const CONNECT_IS_FINE: &[&str] = &["L4OK"];
const ANSWER_IS_FINE: &[&str] = &["L7OK"];
const CONNECT_IS_REFUSED: &[&str] = &["L4CON"];

pub(super) fn checks() -> Vec<Check> {
    const TCP_CHECK: &str = "option tcp-check";
    const CONNECT: &str = "tcp-check connect";
    const CLOSE: &str = "tcp-check connect linger";
    const SEND: &str = r#"tcp-check send "ping\n""#;
    const EXPECT: &str = "tcp-check expect string ping";
    vec![
        with_packages("haproxy check", PACKAGES, || unseen(&[])),
        with_packages("haproxy tcp-check", PACKAGES, || unseen(&[TCP_CHECK])),
        with_packages("haproxy tcp-check, closing", PACKAGES, || probes(&[TCP_CHECK, CLOSE])),
        with_packages("haproxy tcp-check, resetting", PACKAGES, || {
            probes(&[TCP_CHECK, CONNECT, CONNECT])
        }),
        with_packages("haproxy tcp-check with words, closing", PACKAGES, || {
            talks(&[TCP_CHECK, CLOSE, SEND, EXPECT], |_| 0..=0)
        }),
        with_packages("haproxy tcp-check with words, resetting", PACKAGES, || {
            talks(&[TCP_CHECK, CONNECT, SEND, EXPECT], |talks| talks - 1..=talks)
        }),
    ]
}

/// Health checks that are broken off before the server could see them.
fn unseen(rules: &[&str]) -> Outcome {
    let (server, proxy) = start(rules, CONNECT_IS_FINE);
    thread::sleep(WATCHED);
    expect_nothing_told(&server);
    let (bytes, tally) = carry(server, &proxy);
    expect_only_traffic(&tally, bytes);
    kept(seen(bytes, &tally))
}

/// Health checks that are accepted and then say nothing.
fn probes(rules: &[&str]) -> Outcome {
    let (server, proxy) = start(rules, CONNECT_IS_FINE);
    wait_for_report(&server, "probes", |report| report.number::<u64>("total_probes") >= MIN_PROBES);
    expect_nothing_told(&server);
    let (bytes, tally) = carry(server, &proxy);
    expect_only_traffic(&tally, bytes);
    assert!(tally.probes >= MIN_PROBES, "{tally:?}");
    kept(seen(bytes, &tally))
}

/// Health checks that talk. Of so many, `failed` are to count as failed: the stop of the server may
/// end one well that would have been reset.
fn talks(rules: &[&str], failed: fn(u64) -> RangeInclusive<u64>) -> Outcome {
    let (server, proxy) = start(rules, ANSWER_IS_FINE);
    wait_for_report(&server, "health checks", |report| {
        report.number::<u64>("total_messages") >= MIN_PROBES
    });
    let bytes = crowd(proxy.address);
    let tally = stop(server, &proxy);
    let talks = tally.connections - CONNECTIONS as u64;
    assert!(talks >= MIN_PROBES, "{tally:?}");
    assert_eq!(tally.received, bytes as u64 + talks * PING.len() as u64, "{tally:?}");
    assert!(failed(talks).contains(&tally.failed), "{tally:?}");
    kept(format_args!("{}, of them {talks} health checks", seen(bytes, &tally)))
}

/// A server that reports ten times a second, and a proxy that has found it in good health.
fn start(rules: &[&str], fine: &[&str]) -> (ServerProcess, HaProxy) {
    let server = ServerProcess::start(&["--report-interval", "100ms"], &[]);
    let proxy = HaProxy::start(server.addr(), rules);
    proxy.wait_for("UP", fine);
    (server, proxy)
}

/// Sends traffic through the proxy, sees it in the report, and stops the server.
fn carry(server: ServerProcess, proxy: &HaProxy) -> (usize, Tally) {
    let bytes = crowd(proxy.address);
    wait_for_report(&server, "the connections and no more", |report| {
        let is_over = report.number::<u64>("total_bytes") == bytes as u64;
        is_over && report.number::<u64>("total_connections") == CONNECTIONS as u64
    });
    (bytes, stop(server, proxy))
}

/// The proxy has to see that the server is gone.
fn stop(server: ServerProcess, proxy: &HaProxy) -> Tally {
    let tally = Tally::of_stopped(server);
    proxy.wait_for("DOWN", CONNECT_IS_REFUSED);
    tally
}

fn wait_for_report(server: &ServerProcess, what: &str, holds: impl Fn(Record<'_>) -> bool) {
    server.stderr().wait_until(&format!("report of {what}"), |lines| {
        let mut records = lines.iter().map(|line| Record::parse(line.trim_end()));
        let is_such = |record: Record<'_>| record.text.starts_with("throughput ") && holds(record);
        records.any(is_such).then_some(())
    });
}

/// The health checks alone have left nothing in the log but their number.
fn expect_nothing_told(server: &ServerProcess) {
    let log = server.stderr().so_far();
    let is_expected = |line: &&str| line.contains("] listening ") || line.contains("] throughput ");
    assert_eq!(log.lines().find(|line| !is_expected(line)), None, "in\n{log}");
}

/// Health checks are no connections, no traffic and no trouble.
fn expect_only_traffic(tally: &Tally, bytes: usize) {
    let counted = (tally.connections, tally.received, tally.failed);
    let expected = (CONNECTIONS as u64, bytes as u64, 0);
    assert_eq!(counted, expected, "connections, bytes, failed; {tally:?}");
}

fn seen(bytes: usize, tally: &Tally) -> String {
    let Tally { connections, probes, failed, .. } = tally;
    format!("UP, {bytes} bytes, DOWN: connections={connections} probes={probes} failed={failed}")
}
