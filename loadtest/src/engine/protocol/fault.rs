//! The faults of a connection, in words; pure.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use echo_common::escape::Escaped;

use super::content::{Content, Id};
use super::exchange::{Exchange, Wrong};
use crate::report::run_report::errors::Kind;

/// Why a connection ended in a way in which it should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

impl Fault {
    /// Returns whether bytes were wrong or missing, which matters more than a broken connection.
    pub(crate) fn is_about_bytes(&self) -> bool {
        matches!(self.kind, Kind::Corrupt | Kind::Short)
    }

    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Returns the fault of a connection that could not be made.
    pub(crate) fn connecting(target: SocketAddr, error: &io::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::ConnectionRefused => Kind::Refused,
            ErrorKind::TimedOut => Kind::Timeout,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Kind::Reset,
            _ => Kind::Local,
        };
        Self::new(kind, format!("connect to {target}: {error}"))
    }

    /// Returns the fault of a connection that was not made in time.
    pub(crate) fn no_connection(target: SocketAddr, timeout: Duration) -> Self {
        Self::new(Kind::Timeout, format!("connect to {target}: no answer within {timeout:?}"))
    }

    /// Returns the fault of a connection whose end of stream did not come in time.
    pub(crate) fn no_end(timeout: Duration) -> Self {
        Self::new(Kind::Timeout, format!("the end of the stream did not come within {timeout:?}"))
    }

    /// Returns the fault of a connection that broke during `action`.
    pub(crate) fn broken(action: &str, error: &io::Error, exchange: &Exchange) -> Self {
        let kind = match error.kind() {
            // "Not connected" means that a reset came before this side could finish.
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => Kind::Reset,
            ErrorKind::TimedOut => Kind::Timeout,
            _ => Kind::Local,
        };
        Self::new(kind, format!("{action}: {error}, {}", whereabouts(exchange)))
    }

    /// Returns the fault of a connection that the server ended too early.
    pub(crate) fn ended(content: &Content, exchange: &Exchange) -> Self {
        let came = exchange.partly_back();
        if came == 0 {
            return Self::new(Kind::ClosedEarly, format!("closed {}", whereabouts(exchange)));
        }
        let id = next_back(exchange);
        let len = content.line(id).len();
        let text = format!("closed after {came} of the {len} bytes of line {}", id.sequence);
        Self::new(Kind::Short, text)
    }

    /// Returns the fault of a connection on which a line was not back in time.
    pub(crate) fn late(exchange: &Exchange, timeout: Duration) -> Self {
        let text = format!("no reply within {timeout:?}, {}", whereabouts(exchange));
        Self::new(Kind::Timeout, text)
    }

    /// Returns the fault of a connection on which wrong bytes came.
    pub(crate) fn corrupt(content: &Content, exchange: &Exchange, wrong: &Wrong) -> Self {
        let text = match wrong {
            Wrong::Different(came) => different(content, exchange, came),
            Wrong::Surplus(came) => surplus(content, exchange, came),
        };
        Self::new(Kind::Corrupt, text)
    }
}

fn next_back(exchange: &Exchange) -> Id {
    Id { connection: exchange.connection(), sequence: exchange.next_back() }
}

fn whereabouts(exchange: &Exchange) -> String {
    match exchange.in_flight() {
        0 => "with nothing outstanding".to_owned(),
        1 => format!("waiting for line {}", exchange.next_back()),
        more => format!("waiting for line {} and {} more", exchange.next_back(), more - 1),
    }
}

/// Describes `came`, which came in place of the line that was expected.
fn different(content: &Content, exchange: &Exchange, came: &[u8]) -> String {
    let expected = next_back(exchange);
    let number = expected.sequence;
    match recognise(content, expected, exchange.in_flight(), came) {
        Some(id) if id.connection != expected.connection => format!(
            "line {number}: line {} of connection {} came in its place",
            id.sequence, id.connection
        ),
        Some(id) if id.sequence < number => {
            format!("line {number}: line {} came again in its place", id.sequence)
        }
        Some(id) if comes_later(content, expected, id, came) => {
            format!("line {number}: line {} came before it (reordered)", id.sequence)
        }
        Some(id) => format!("line {number}: lost, line {} came in its place", id.sequence),
        None => altered(content, expected, came),
    }
}

fn surplus(content: &Content, exchange: &Exchange, came: &[u8]) -> String {
    let next = next_back(exchange);
    match recognise(content, next, 0, came) {
        Some(id) if id.connection == next.connection => {
            format!("surplus bytes after the last line: line {} came again", id.sequence)
        }
        Some(id) => format!(
            "surplus bytes after the last line: line {} of connection {}",
            id.sequence, id.connection
        ),
        None => format!("surplus bytes after the last line: {}", quoted(came)),
    }
}

/// Returns the line that `came` begins with: any line if it is long enough, otherwise one of the lines
/// near the expected one.
fn recognise(content: &Content, expected: Id, in_flight: u64, came: &[u8]) -> Option<Id> {
    const REACH: u64 = 64;
    // Many shorter lines are the same by chance.
    const MIN_LEN: usize = 4;
    let near = || {
        let first = expected.sequence.saturating_sub(REACH);
        let sequences = first..expected.sequence + in_flight;
        let mut near = sequences.rev().map(|sequence| Id { sequence, ..expected });
        near.find(|&id| content.line(id).len() >= MIN_LEN && content.line(id).begins(came))
    };
    content.recognise(came).or_else(near)
}

/// Returns whether the expected line comes in `came`, after line `first`.
fn comes_later(content: &Content, expected: Id, first: Id, came: &[u8]) -> bool {
    let mut rest = &came[content.line(first).len()..];
    loop {
        if content.line(expected).begins(rest) {
            return true;
        }
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return false };
        rest = &rest[end + 1..];
    }
}

fn altered(content: &Content, expected: Id, came: &[u8]) -> String {
    let line = content.line(expected).to_vec();
    let number = expected.sequence;
    let place = line.iter().zip(came).take_while(|(a, b)| a == b).count();
    let (Some(&sent), Some(&back)) = (line.get(place), came.get(place)) else {
        return format!("line {number}: differs"); // Not reached: a difference was seen.
    };
    if back == b'\n' {
        return format!("line {number}: truncated to {} of its {} bytes", place + 1, line.len());
    }
    let (sent, back) = (quoted(&[sent]), quoted(&[back]));
    let len = line.len();
    format!("line {number}: altered at byte {place} of {len}: {sent} was sent, {back} came")
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", Escaped::new(bytes, 40))
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Times;
    use super::*;
    use crate::plan::Sizes;

    fn content(len: usize) -> Content {
        Content::new(3, &Sizes::Range(len, len))
    }

    fn line(content: &Content, connection: u64, sequence: u64) -> Vec<u8> {
        content.line(Id { connection, sequence }).to_vec()
    }

    /// Returns the text of the fault when `came` comes back in place of lines 0 to 3 of connection 7.
    fn said(content: &Content, came: &[u8]) -> String {
        let mut exchange = Exchange::new(7, 4);
        exchange.send(4, Times::default());
        let wrong = exchange.receive(content, came, |_, _| {}).expect_err("something is wrong");
        let fault = Fault::corrupt(content, &exchange, &wrong);
        assert_eq!(fault.kind, Kind::Corrupt);
        fault.text
    }

    #[test]
    fn every_lie_is_named() {
        for len in [8, 20] {
            let content = content(len);
            let lines = |sequences: &[u64]| {
                sequences
                    .iter()
                    .flat_map(|&sequence| line(&content, 7, sequence))
                    .collect::<Vec<_>>()
            };
            for (came, text) in [
                (lines(&[0, 2, 1, 3]), "line 1: line 2 came before it (reordered)"),
                (lines(&[0, 2, 3, 1]), "line 1: line 2 came before it (reordered)"),
                (lines(&[0, 2, 3]), "line 1: lost, line 2 came in its place"),
                (lines(&[0, 0, 1]), "line 1: line 0 came again in its place"),
                (lines(&[0, 1, 2, 3, 3]), "surplus bytes after the last line: line 3 came again"),
            ] {
                assert_eq!(said(&content, &came), text, "{len}");
            }
        }
    }

    #[test]
    fn a_line_that_could_be_any_is_not_named() {
        let content = content(2);
        let other = [line(&content, 7, 0), line(&content, 7, 2)].concat();
        let text = said(&content, &other);
        assert!(text.starts_with("line 1: altered at byte 0 of 2: "), "{text}");
    }

    #[test]
    fn another_connections_line_is_named_with_it() {
        let content = content(20);
        let text = said(&content, &line(&content, 123_456, 78));
        assert_eq!(text, "line 0: line 78 of connection 123456 came in its place");
    }

    #[test]
    fn altered_and_truncated_lines_tell_the_place() {
        let content = content(20);
        let mut altered = line(&content, 7, 0);
        altered[13] = 0;
        let text = said(&content, &altered);
        let beginning = "line 0: altered at byte 13 of 20: \"";
        assert!(
            text.starts_with(beginning) && text.ends_with("was sent, \"\\x00\" came"),
            "{text}"
        );
        let mut truncated = line(&content, 7, 0);
        truncated.drain(10..19);
        assert_eq!(said(&content, &truncated), "line 0: truncated to 11 of its 20 bytes");
    }

    #[test]
    fn unknown_bytes_are_shown_without_their_power() {
        let content = content(20);
        let came = [line(&content, 7, 0), line(&content, 7, 1)].concat();
        let rest = [line(&content, 7, 2), line(&content, 7, 3), b"\x1b[2J".to_vec()].concat();
        let text = said(&content, &[came, rest].concat());
        assert_eq!(text, "surplus bytes after the last line: \"\\x1b[2J\"");
    }
}
