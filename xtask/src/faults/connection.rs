//! Calls that fail for one connection. That connection ends if it must; the others are not affected.

use std::array;
use std::net::TcpStream;

use echo_tests::peer::{connect, finish, ping};

use super::peers::{LONG_LINES, is_echoed, long_line};
use super::row::row;
use super::traced::{Fault, Traced};
use crate::check::Check;

const ENDS: &str = "that connection ends, the others and new ones are served, exit code 0";
const RETURNS: &str = "everything is echoed, exit code 0";

const ONE_WORKER: [&str; 2] = ["--num-workers", "1"];

/// Call, error, and the reason that the server logs.
const FATAL: [(&str, &str, &str); 9] = [
    ("recvfrom", "ECONNRESET", "reset"),
    ("recvfrom", "ETIMEDOUT", "reset"),
    ("recvfrom", "EHOSTUNREACH", "reset"),
    ("recvfrom", "ENOMEM", "failed"),
    ("sendto", "EPIPE", "reset"),
    ("sendto", "ECONNRESET", "reset"),
    ("sendto", "ETIMEDOUT", "reset"),
    ("sendto", "ENOBUFS", "failed"),
    ("sendto", "ENOMEM", "failed"),
];

/// Call, error and reason for a line that is longer than a read.
const FATAL_TO_LONG_LINES: [(&str, &str, &str); 2] =
    [("writev", "EPIPE", "reset"), ("writev", "ENOBUFS", "failed")];

pub(super) fn checks() -> Vec<Check> {
    let fatal = |message: fn() -> Vec<u8>| {
        move |(call, error, reason)| {
            row(format!("{call} {error}, once"), ENDS, move || {
                one_ends(&[Fault::new(call, error, NTH)], &message(), reason)
            })
        }
    };
    let unwatched = |error| {
        row(format!("epoll_ctl {error}, at a registration"), ENDS, move || {
            one_is_not_registered(Fault::new("epoll_ctl", error, "6"))
        })
    };
    let mut checks: Vec<Check> = FATAL.map(fatal(short_line)).into();
    checks.extend(FATAL_TO_LONG_LINES.map(fatal(long_line)));
    checks.extend(["ENOSPC", "ENOMEM"].map(unwatched));
    checks.push(row("epoll_ctl ENOMEM, at a change to writable", ENDS, || {
        // The three connections use the first three calls. No thread makes more than three at the start.
        let change = Fault::new("epoll_ctl", "ENOMEM", "4");
        let faults = [blocked("writev", NTH), blocked("sendto", "1"), change];
        one_ends(&faults, &long_line(), "failed")
    }));
    checks.push(row("sendto EAGAIN, every 2nd call", RETURNS, || {
        all_returns(&[blocked("sendto", "1+2")], &short_line(), 0)
    }));
    checks.push(row("writev EAGAIN always, sendto every 2nd call", RETURNS, || {
        // After two failed sends, a connection waits for the event that says there is room.
        let faults = [blocked("writev", "1+"), blocked("sendto", "1+2")];
        all_returns(&faults, &long_line(), PEERS * ROUNDS)
    }));
    checks
}

fn short_line() -> Vec<u8> {
    b"ping\n".to_vec()
}

/// Returns the fault of a send that finds no room.
fn blocked(call: &'static str, when: &'static str) -> Fault {
    Fault::new(call, "EAGAIN", when)
}

const PEERS: usize = 3;
const ROUNDS: usize = 5;

/// The call for the second of the three peers in its second round. Each peer causes one call per round.
const NTH: &str = "5";
const VICTIM: usize = 1;

/// Checks that one connection ends and the others do not. Peers take turns, so the order of the calls is
/// known.
fn one_ends(faults: &[Fault], message: &[u8], reason: &str) -> String {
    let server = Traced::start(faults, &[ONE_WORKER, LONG_LINES].concat());
    let peers: [TcpStream; PEERS] = array::from_fn(|_| connect(server.addr()));
    for round in 0..ROUNDS {
        for (number, peer) in peers.iter().enumerate() {
            let is_over = number == VICTIM && round > 0;
            assert_eq!(is_echoed(peer, message), !is_over, "peer {number} in round {round}");
        }
    }
    ping(&connect(server.addr()));
    for number in [0, 2] {
        assert_eq!(finish(&peers[number]), b"");
    }
    let ended = server.stop();
    ended.expect(0, 1);
    let victim = format!(" peer={} ", peers[VICTIM].local_addr().unwrap());
    let reason = format!("reason={reason}");
    let _ = ended.finished.line_with(&["connection closed", &victim, &reason]);
    format!("1 of {PEERS} ended, {reason}, exit code 0")
}

/// Checks a failing registration. The acceptor's thread makes none of these calls and the main thread
/// makes fewer than six, so the fault occurs in the worker.
fn one_is_not_registered(fault: Fault) -> String {
    let server = Traced::start(&[fault], &ONE_WORKER);
    let peers: Vec<TcpStream> = (0..10).map(|_| connect(server.addr())).collect();
    let ended: Vec<&TcpStream> = peers.iter().filter(|peer| !is_echoed(peer, b"ping\n")).collect();
    assert_eq!(ended.len(), 1, "connections that ended");
    let served = peers.iter().filter(|peer| peer.local_addr().ok() != ended[0].local_addr().ok());
    served.for_each(ping);
    ping(&connect(server.addr()));
    let ended = server.stop();
    ended.expect(0, 1);
    let _ = ended.finished.line_with(&["watch connection error="]);
    "1 of 10 ended, \"watch connection error=\", failed=1, exit code 0".to_owned()
}

fn all_returns(faults: &[Fault], message: &[u8], min_changes: usize) -> String {
    let server = Traced::start(faults, &[ONE_WORKER, LONG_LINES].concat());
    let peers: [TcpStream; PEERS] = array::from_fn(|_| connect(server.addr()));
    for _ in 0..ROUNDS {
        assert!(peers.iter().all(|peer| is_echoed(peer, message)));
    }
    for peer in &peers {
        assert_eq!(finish(peer), b"");
    }
    let ended = server.stop();
    ended.expect(0, 0);
    let changes = ended.trace.count("epoll_ctl", "EPOLLOUT");
    assert!(changes >= min_changes, "{changes} changes to writable");
    format!("{} messages, {changes} changes to writable, exit code 0", PEERS * ROUNDS)
}
