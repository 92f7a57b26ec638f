//! Compares what the peers did with the server's own counts.

use echo_server::Config;
use echo_tests::process::Finished;
use echo_tests::records::{Record, record, records};

use super::session::Echoed;

/// Maximum number of bytes that a connection holds: one line and one read. It is valid for the default
/// limit on lines and for lower ones.
pub(crate) const MAX_HELD_LEN: u64 = (Config::MAX_LINE_LENGTH.get() + Config::MAX_READ_LEN) as u64;

/// What all peers together did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    /// Connections that sent something.
    pub(crate) connections: u64,
    /// Connections that sent nothing.
    pub(crate) probes: u64,
    /// The echo on connections that did not break.
    pub(crate) echoed: Echoed,
    /// Connections that broke: those that the peer reset, and those of killed processes.
    pub(crate) broken: u64,
    /// Connections that stopped sending until the idle timeout ended them.
    pub(crate) reclaimed: u64,
}

/// A server that has ended, with its log.
#[derive(Debug)]
pub(crate) struct Stopped {
    finished: Finished,
    /// The line that the server echoed before the load, on one connection.
    greeting: &'static str,
}

impl Stopped {
    /// Checks that the server owed nothing to any connection at the end, and that it logged no warning
    /// and no error.
    #[track_caller]
    pub(crate) fn new(finished: Finished, greeting: &'static str) -> Self {
        finished.expect_code(0);
        let complaints = complaints(&finished.stderr);
        assert!(complaints.is_empty(), "the server logged: {complaints:?}");
        Self { finished, greeting }
    }

    /// Checks that the server counted every connection as the right kind, and that it counted every byte
    /// of the echo.
    #[track_caller]
    pub(crate) fn expect(&self, load: &Load) {
        let summary = self.summary();
        let count = |key| summary.number::<u64>(key);
        assert_eq!(count("connections") - 1, load.connections, "connections: {summary:?}");
        assert_eq!(count("probes"), load.probes, "probes: {summary:?}");
        assert_eq!(count("failed"), load.broken, "broken connections: {summary:?}");
        assert_eq!(count("idle"), load.reclaimed, "idle connections: {summary:?}");
        assert_eq!(count("cut"), 0, "connections cut off: {summary:?}");
        let (sent, received) = (self.bytes("sent"), self.bytes("received"));
        let max_lost = load.broken * MAX_HELD_LEN;
        assert!(sent >= load.echoed.bytes, "{sent} bytes sent, {} echoed", load.echoed.bytes);
        assert!((sent..=sent + max_lost).contains(&received), "{received} received, {sent} sent");
    }

    /// Checks the same as [`expect`](Self::expect), and the exact numbers of bytes and lines. It
    /// subtracts the connections that broke by their log records. The caller must break few enough
    /// connections per second that the server logs each one.
    #[track_caller]
    pub(crate) fn expect_exactly(&self, load: &Load) {
        self.expect(load);
        let mut broken = records(&self.finished.stderr, "connection closed");
        broken.retain(|record| record.field("reason") == "reset");
        assert_eq!(broken.len() as u64, load.broken, "records of broken connections");
        let sum = |key| broken.iter().map(|record| record.number::<u64>(key)).sum::<u64>();
        let messages = self.summary().number::<u64>("messages") - 1;
        let unbroken = Echoed {
            bytes: self.bytes("received") - sum("received"),
            messages: messages - sum("messages"),
        };
        assert_eq!(unbroken, load.echoed, "{:?}", self.summary());
        let sent = self.bytes("sent") - sum("sent");
        assert_eq!(sent, load.echoed.bytes, "{:?}", self.summary());
    }

    /// Returns a count of bytes from the server's summary, minus the greeting.
    #[track_caller]
    fn bytes(&self, key: &str) -> u64 {
        self.summary().number::<u64>(key) - self.greeting.len() as u64
    }

    #[track_caller]
    fn summary(&self) -> Record<'_> {
        record(&self.finished.stderr, "summary connections=")
    }
}

/// Returns the warnings, errors and panics in a log.
pub(super) fn complaints(log: &str) -> Vec<&str> {
    let is_complaint =
        |line: &&str| ["[WARN ]", "[ERROR]", "panicked"].iter().any(|word| line.contains(word));
    log.lines().filter(is_complaint).collect()
}
