//! The health checks of HAProxy. The server must not count them as traffic.
//!
//! With HAProxy 2.6 on Linux, each kind of health check reaches the server as follows:
//!
//! - Plain `check`, and `option tcp-check` without rules: HAProxy sends a SYN, and a reset after the
//!   server's SYN ACK. The handshake never finishes, so the server accepts nothing.
//! - `tcp-check connect linger`: HAProxy connects and closes without sending a byte. This is a probe.
//! - `tcp-check connect` with another rule after it: HAProxy connects and resets without sending a byte.
//!   This is a probe too, and not a failed connection.
//! - `tcp-check send` and `expect`: HAProxy sends and receives bytes, so this is a connection like any
//!   other. Without `linger` it ends with a reset and counts as failed.

use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

use echo_tests::process::ServerProcess;
use echo_tests::records::Record;

use super::haproxy::{HaProxy, PACKAGES};
use super::proxied::{CONNECTIONS, crowd};
use super::tally::Tally;
use crate::check::{Check, Outcome, passed};
use crate::packages::with_packages;

/// How long a check watches HAProxy: about ten health checks.
const WATCHED: Duration = Duration::from_secs(1);

const MIN_PROBES: u64 = 5;

/// The line that each health check with words sends.
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

/// Checks health checks that HAProxy aborts before the server can see them.
fn unseen(rules: &[&str]) -> Outcome {
    let (server, proxy) = start(rules, CONNECT_IS_FINE);
    thread::sleep(WATCHED);
    expect_nothing_logged(&server);
    let (bytes, tally) = carry(server, &proxy);
    expect_only_traffic(&tally, bytes);
    passed(seen(bytes, &tally))
}

/// Checks health checks that the server accepts and that send nothing.
fn probes(rules: &[&str]) -> Outcome {
    let (server, proxy) = start(rules, CONNECT_IS_FINE);
    wait_for_report(&server, "probes", |report| report.number::<u64>("total_probes") >= MIN_PROBES);
    expect_nothing_logged(&server);
    let (bytes, tally) = carry(server, &proxy);
    expect_only_traffic(&tally, bytes);
    assert!(tally.probes >= MIN_PROBES, "{tally:?}");
    passed(seen(bytes, &tally))
}

/// Checks health checks that exchange a line. For a given number of them, `failed` returns how many
/// count as failed. It is a range, because the stop of the server may end one of them before its reset.
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
    passed(format_args!("{}; {talks} of the connections are health checks", seen(bytes, &tally)))
}

/// Starts a server that reports ten times a second, and a proxy. Returns once the proxy reports the
/// server as up.
fn start(rules: &[&str], fine: &[&str]) -> (ServerProcess, HaProxy) {
    let server = ServerProcess::start(&["--report-interval", "100ms"], &[]);
    let proxy = HaProxy::start(server.addr(), rules);
    proxy.wait_for("UP", fine);
    (server, proxy)
}

/// Sends traffic through the proxy, waits until the server reports it, and stops the server.
fn carry(server: ServerProcess, proxy: &HaProxy) -> (usize, Tally) {
    let bytes = crowd(proxy.address);
    wait_for_report(&server, "the proxied connections alone", |report| {
        let is_over = report.number::<u64>("total_bytes") == bytes as u64;
        is_over && report.number::<u64>("total_connections") == CONNECTIONS as u64
    });
    (bytes, stop(server, proxy))
}

/// Stops the server, and waits until the proxy reports it as down.
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

/// Checks that the health checks have left nothing in the log but their number.
fn expect_nothing_logged(server: &ServerProcess) {
    let log = server.stderr().so_far();
    let is_expected = |line: &&str| line.contains("] listening ") || line.contains("] throughput ");
    assert_eq!(log.lines().find(|line| !is_expected(line)), None, "in\n{log}");
}

/// Checks that the server did not count health checks as connections, as traffic or as failures.
fn expect_only_traffic(tally: &Tally, bytes: usize) {
    let counted = (tally.connections, tally.received, tally.failed);
    let expected = (CONNECTIONS as u64, bytes as u64, 0);
    assert_eq!(counted, expected, "connections, bytes, failed; {tally:?}");
}

fn seen(bytes: usize, tally: &Tally) -> String {
    let Tally { connections, probes, failed, .. } = tally;
    format!("UP, {bytes} bytes, DOWN: connections={connections} probes={probes} failed={failed}")
}
