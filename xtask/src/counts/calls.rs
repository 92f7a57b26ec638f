//! The system calls of the release server: for a message, for a connection, at rest.
//!
//! The counts are exact where the peers decide when something happens, and bounds where the system
//! does. Whatever call is not named is not made.

use std::thread;
use std::time::Duration;

use super::kept::Tally;
use super::watched::Watched;
use crate::check::{Check, kept, skipped};
use crate::load::Session;
use crate::strace;

/// How often the peers of a check say something.
const ROUNDS: u64 = 100;

/// Connections whose calls are counted.
pub(super) const CONNECTIONS: u64 = 100;

/// How long a server with idle connections is watched.
const WATCH: Duration = Duration::from_secs(3);

/// How often a call may be made.
#[derive(Debug, Clone, Copy)]
enum Times {
    Exactly(u64),
    AtMost(u64),
}

use Times::{AtMost, Exactly};

/// Calls by name.
type Expected = &'static [(&'static str, Times)];

/// Chunks that a connection sends in each round, with a rest of the server after each, and the calls that
/// the server makes for one round.
struct Exchange {
    chunks: Vec<Vec<u8>>,
    expected: Expected,
}

/// One check for each kind of traffic; `counts` are those of connections one after the other.
pub(super) fn checks(counts: Tally) -> Vec<Check> {
    vec![
        exchange("calls, a line", line_by_line()),
        exchange("calls, 32 lines at a time", lines_together()),
        exchange("calls, a line in two pieces", pieces()),
        check("calls, 50 connections", side_by_side),
        check("calls, connections one after the other", move || {
            let calls = one_after_the_other();
            assert_eq!(calls, counts, "cargo xtask counts --update, if it is meant to be so");
            format!("{CONNECTIONS} make {}", listed(&calls))
        }),
        check("calls, connections that come at once", at_once),
        check("calls, at rest", at_rest),
    ]
}

fn check(name: &str, run: impl FnOnce() -> String + 'static) -> Check {
    Check::new(name, move || match strace::is_possible() {
        Ok(()) => kept(run()),
        Err(missing) => skipped(missing),
    })
}

fn exchange(name: &str, exchange: Exchange) -> Check {
    check(name, move || exchange.run())
}

fn line_by_line() -> Exchange {
    let expected = &[("epoll_wait", Exactly(1)), ("recvfrom", Exactly(1)), ("sendto", Exactly(1))];
    Exchange { chunks: vec![line(128)], expected }
}

fn lines_together() -> Exchange {
    Exchange { chunks: vec![line(64).repeat(32)], ..line_by_line() }
}

fn pieces() -> Exchange {
    let (beginning, rest) = (vec![b'x'; 64], line(64));
    let expected = &[("epoll_wait", Exactly(2)), ("recvfrom", Exactly(2)), ("writev", Exactly(1))];
    Exchange { chunks: vec![beginning, rest], expected }
}

fn line(len: usize) -> Vec<u8> {
    let mut line = vec![b'x'; len];
    line[len - 1] = b'\n';
    line
}

impl Exchange {
    fn run(self) -> String {
        let server = Watched::start();
        let mut session = server.connect();
        let calls = server.calls_of(|| {
            for _ in 0..ROUNDS {
                self.round(&server, &mut session);
            }
        });
        expect(&calls, self.expected, ROUNDS);
        format!("{ROUNDS} times: {}", listed(&calls))
    }

    fn round(&self, server: &Watched, session: &mut Session) {
        let (last, before) = self.chunks.split_last().expect("there is a chunk");
        for chunk in before {
            session.send(chunk);
            server.rest();
        }
        session.send(last);
        session.expect(self.chunks.concat());
    }
}

/// In each round all have sent their line before the server reads the first.
fn side_by_side() -> String {
    const EXPECTED: Expected = &[
        // One brings all of them. The stop interrupts those who wait, of whom the acceptor then looks.
        ("accept4", AtMost(2)),
        ("epoll_wait", AtMost(8)),
        ("futex", AtMost(8)),
        ("recvfrom", Exactly(50)),
        ("sendto", Exactly(50)),
    ];
    let line = line(128);
    let server = Watched::start();
    let mut sessions: Vec<Session> = (0..50).map(|_| server.connect()).collect();
    let calls = server.calls_of(|| {
        for _ in 0..ROUNDS {
            server.stopped(|| sessions.iter().for_each(|session| session.send(&line)));
            sessions.iter_mut().for_each(|session| session.expect(&line));
        }
    });
    expect(&calls, EXPECTED, ROUNDS);
    format!("{ROUNDS} times: {}", listed(&calls))
}

/// The calls of [`CONNECTIONS`], each with one line.
///
/// # Errors
/// What is missing here.
pub(super) fn of_connections() -> Result<Tally, String> {
    strace::is_possible()?;
    Ok(one_after_the_other())
}

/// The server rests after each step of the peer: it has always accepted a connection before its line
/// comes, and sent that back before the end.
fn one_after_the_other() -> Tally {
    let server = Watched::start();
    server.calls_of(|| {
        for _ in 0..CONNECTIONS {
            let mut session = server.connect();
            server.rest();
            session.echo("hello\n");
            server.rest();
            session.finish("");
            server.rest();
        }
    })
}

/// All have sent their line and have finished before the server accepts the first.
fn at_once() -> String {
    const EXPECTED: Expected = &[
        // Some find nothing.
        ("accept4", AtMost(CONNECTIONS + 10)),
        ("close", Exactly(CONNECTIONS)),
        ("epoll_ctl", Exactly(CONNECTIONS)),
        ("epoll_wait", AtMost(CONNECTIONS / 4)),
        // The stop interrupts those who wait.
        ("futex", AtMost(10)),
        ("recvfrom", Exactly(2 * CONNECTIONS)),
        ("sendto", Exactly(CONNECTIONS)),
        // Wakes a worker for many.
        ("write", AtMost(CONNECTIONS / 10)),
    ];
    let server = Watched::start();
    let calls = server.calls_of(|| {
        let mut sessions = vec![];
        server.stopped(|| {
            sessions.extend((0..CONNECTIONS).map(|_| {
                let session = server.connect();
                session.send("hello\n");
                session.half_close();
                session
            }));
        });
        for session in sessions {
            session.expect_end("hello\n");
        }
    });
    expect(&calls, EXPECTED, 1);
    format!("{CONNECTIONS} make {}", listed(&calls))
}

/// Connections that have spoken, and a server that has nothing to do.
fn at_rest() -> String {
    let server = Watched::start();
    let mut sessions: Vec<Session> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    sessions.iter_mut().for_each(|session| session.echo("hello\n"));
    let calls = server.calls_of(|| thread::sleep(WATCH));
    assert!(calls.is_empty(), "{}", listed(&calls));
    format!("no call in {} s, {CONNECTIONS} connections", WATCH.as_secs())
}

/// Checks that the calls are `times` those that are expected, and no others.
#[track_caller]
fn expect(calls: &Tally, expected: Expected, times: u64) {
    let is_right = |&(name, limit): &(&str, Times)| {
        let count = calls.get(name).copied().unwrap_or(0);
        match limit {
            Exactly(number) => count == number * times,
            AtMost(number) => count <= number * times,
        }
    };
    let is_expected = |name: &String| expected.iter().any(|(expected, _)| name == expected);
    assert!(
        expected.iter().all(is_right) && calls.keys().all(is_expected),
        "{}; {times} times {expected:?} were expected",
        listed(calls)
    );
}

fn listed(calls: &Tally) -> String {
    let each: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
    each.join(", ")
}
