//! Accepts that fail, because the waiting connection is gone or because the system lacks a resource.
//!
//! The connection stays in the kernel's queue and no new edge announces it. A real shortage of
//! descriptors has the same effect.

use std::time::{Duration, Instant};

use echo_tests::peer::{connect, expect_silence, ping};
use echo_tests::proc_fs::threads;

use super::peers::{crowd, is_echoed};
use super::row::row;
use super::traced::{Fault, Traced};
use crate::check::Check;
use crate::strace::time;

const RETRIED: &str = "the server retries at once and serves every connection";
const PAUSED: &str = "the server pauses accepting, logs that, resumes, and serves every connection";
const STARVED: &str = "retries become rare; open connections are still served";

/// Errors that concern only the waiting connection, see accept(2).
const OF_THE_CONNECTION: [&str; 9] = [
    "ECONNABORTED",
    "EPROTO",
    "EPERM",
    "ENETDOWN",
    "ENETUNREACH",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "ENONET",
    "ENOPROTOOPT",
];

const OF_THE_SYSTEM: [&str; 4] = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/// Maximum number of immediate retries before the server pauses.
const MAX_RETRIES: usize = 64;

/// How long a check watches a server that cannot accept.
const OBSERVATION: Duration = Duration::from_secs(3);

pub(super) fn checks() -> Vec<Check> {
    let retried = |error| {
        row(format!("accept4 {error}, every 2nd call"), RETRIED, move || {
            retries(Fault::new("accept4", error, "1+2"))
        })
    };
    let paused = |error| {
        row(format!("accept4 {error} ×8"), PAUSED, move || {
            pauses(Fault::new("accept4", error, "2..9"))
        })
    };
    let starved = |(error, max_at_once)| {
        row(format!("accept4 {error} for ever"), STARVED, move || {
            starves(Fault::new("accept4", error, "6+"), max_at_once)
        })
    };
    let crowded = row("accept4 EMFILE ×10, a crowd waits", PAUSED, || {
        pauses_for_a_crowd(Fault::new("accept4", "EMFILE", "2..11"))
    });
    let mut checks: Vec<Check> = OF_THE_CONNECTION.map(retried).into();
    checks.extend(OF_THE_SYSTEM.map(paused));
    checks.push(crowded);
    checks.extend([("EMFILE", 0), ("ECONNABORTED", MAX_RETRIES)].map(starved));
    checks
}

fn retries(fault: Fault) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "2"]);
    let crowd = crowd(server.addr(), 20, 10_000);
    let ended = server.stop();
    ended.expect(0, 0);
    assert!(ended.finished.lines_with(&["connections wait"]).is_empty());
    format!("{crowd}, accept4: {}", ended.seen("accept4"))
}

/// Checks the pauses of 5, 10, … 640 ms. Only one connection waits, so no event ends a pause early.
fn pauses(fault: Fault) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "1"]);
    server.settle();
    ping(&connect(server.addr()));
    server.settle();
    let crowd = crowd(server.addr(), 20, 10_000);
    let ended = server.stop();
    ended.expect(0, 0);
    let _ = ended.finished.line_with(&["accept error=", "connections wait, trying again"]);
    let _ = ended.finished.line_with(&["accepting again"]);
    let failed: Vec<&str> =
        ended.trace.of("accept4").into_iter().filter(|line| line.contains("INJECTED")).collect();
    let took = time(failed[failed.len() - 1]) - time(failed[0]);
    // The pauses between the first and the last failure add up to 635 ms. A duration far below that
    // means that the server did not pause.
    assert!(took > Duration::from_millis(200), "8 failures in {took:?}");
    format!("{crowd}, 8 failures in {took:.0?}, exit code 0")
}

/// Checks the pauses while connections arrive, each with an event of its own.
fn pauses_for_a_crowd(fault: Fault) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "2"]);
    server.settle();
    let crowd = crowd(server.addr(), 40, 10_000);
    let ended = server.stop();
    ended.expect(0, 0);
    assert!(!ended.finished.lines_with(&["connections wait, trying again"]).is_empty());
    format!("{crowd}, accept4: {}", ended.seen("accept4"))
}

/// Lets the server accept two connections and see an empty queue after each. Every later accept fails.
fn starves(fault: Fault, max_at_once: usize) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "1"]);
    server.settle();
    let served = [(); 2].map(|()| {
        let stream = connect(server.addr());
        ping(&stream);
        server.settle();
        stream
    });
    let waiting = connect(server.addr());
    server.wait_for_line("connections wait, trying again");
    let started = Instant::now();
    let mut pings = 0;
    while started.elapsed() < OBSERVATION {
        served.iter().for_each(ping);
        pings += served.len();
    }
    let cpu = acceptor_cpu(&server);
    assert!(cpu < OBSERVATION / 10, "the acceptor spins: {cpu:?}");
    expect_silence(&waiting);
    let tries = server.trace().injected("accept4");
    // The server retries at 5, 10, … 640 ms, then once a second.
    let max = max_at_once + 10 + 2 * usize::try_from(started.elapsed().as_secs() + 1).unwrap();
    assert!(tries <= max, "{tries} tries");
    let ended = server.stop();
    ended.expect(0, 0);
    assert!(!is_echoed(&waiting, b"too late\n"));
    format!("{tries} tries and {cpu:.0?} of CPU in {OBSERVATION:?}, {pings} pings, exit code 0")
}

fn acceptor_cpu(server: &Traced) -> Duration {
    let threads = threads(server.pid());
    threads.iter().find(|thread| thread.name == "acceptor").expect("the acceptor runs").cpu
}
