//! Counts the system calls of the release server: per message, per connection and at rest.
//!
//! A check asks for an exact count where the peers decide when something happens, and for a maximum
//! where the kernel does. A system call that a check does not name must not occur.

use std::thread;
use std::time::Duration;

use super::baseline::Tally;
use super::watched::Watched;
use crate::check::{Check, passed, skipped};
use crate::load::Session;
use crate::strace;

/// Number of rounds in which the peers of a check send something.
const ROUNDS: u64 = 100;

/// Number of connections whose calls are counted.
pub(super) const CONNECTIONS: u64 = 100;

/// How long a check watches a server with idle connections.
const WATCH: Duration = Duration::from_secs(3);

/// How often the server may make a call.
#[derive(Debug, Clone, Copy)]
enum Times {
    Exactly(u64),
    AtMost(u64),
}

use Times::{AtMost, Exactly};

/// The expected count of each call, by name.
type Expected = &'static [(&'static str, Times)];

/// Chunks that a connection sends in each round, and the calls that the server makes for one round. The
/// connection waits after each chunk until the server is at rest.
struct Exchange {
    chunks: Vec<Vec<u8>>,
    expected: Expected,
}

/// Returns one check for each kind of traffic. `counts` are the expected calls for connections that come
/// one after the other.
pub(super) fn checks(counts: Tally) -> Vec<Check> {
    vec![
        exchange("calls, a line", line_by_line()),
        exchange("calls, 32 lines at a time", lines_together()),
        exchange("calls, a line in two pieces", pieces()),
        check("calls, 50 connections", side_by_side),
        check("calls, connections one after the other", move || {
            let calls = one_after_the_other();
            assert_eq!(calls, counts, "if this is intended: cargo xtask counts --update");
            format!("{CONNECTIONS} make {}", listed(&calls))
        }),
        check("calls, connections that come at once", at_once),
        check("calls, at rest", at_rest),
    ]
}

fn check(name: &str, run: impl FnOnce() -> String + 'static) -> Check {
    Check::new(name, move || match strace::ensure_available() {
        Ok(()) => passed(run()),
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

/// Runs rounds in which every connection has sent its line before the server reads the first one.
fn side_by_side() -> String {
    const EXPECTED: Expected = &[
        // One wait returns all events. Stopping the process also interrupts the waits of idle threads,
        // and the acceptor then tries to accept.
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

/// Counts the calls for [`CONNECTIONS`] connections, each with one line.
///
/// # Errors
/// One line that says what this machine lacks.
pub(super) fn of_connections() -> Result<Tally, String> {
    strace::ensure_available()?;
    Ok(one_after_the_other())
}

/// Counts the calls for connections that come one after the other. After each step the peer waits until
/// the server is at rest. So the server has accepted a connection before the line arrives, and has sent
/// the echo before the end of the stream arrives.
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

/// Makes connections that have all sent their line and finished before the server accepts the first.
fn at_once() -> String {
    const EXPECTED: Expected = &[
        // Some calls find no connection.
        ("accept4", AtMost(CONNECTIONS + 10)),
        ("close", Exactly(CONNECTIONS)),
        ("epoll_ctl", Exactly(CONNECTIONS)),
        ("epoll_wait", AtMost(CONNECTIONS / 4)),
        // Stopping the process interrupts the waits of idle threads.
        ("futex", AtMost(10)),
        ("recvfrom", Exactly(2 * CONNECTIONS)),
        ("sendto", Exactly(CONNECTIONS)),
        // One wake serves many connections.
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

/// Watches a server whose connections have all had an echo and are now idle.
fn at_rest() -> String {
    let server = Watched::start();
    let mut sessions: Vec<Session> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    sessions.iter_mut().for_each(|session| session.echo("hello\n"));
    let calls = server.calls_of(|| thread::sleep(WATCH));
    assert!(calls.is_empty(), "{}", listed(&calls));
    format!("no call in {} s, {CONNECTIONS} connections", WATCH.as_secs())
}

/// Checks that the server made `times` times the expected calls, and no others.
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
        "{}; expected {times} times {expected:?}",
        listed(calls)
    );
}

fn listed(calls: &Tally) -> String {
    let each: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
    each.join(", ")
}
