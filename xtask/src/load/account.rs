//! The books: what the peers did, against what the server says it did.

use echo_server::Config;
use echo_tests::process::Finished;
use echo_tests::records::{Record, record, records};

use super::Echoed;

/// The most bytes that a connection holds: one line and one read, with the default limit on lines or a
/// lower one.
pub(crate) const MAX_HELD_LEN: u64 = (Config::MAX_LINE_LENGTH.get() + Config::MAX_READ_LEN) as u64;

/// What the peers did, all together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    /// Connections that sent something.
    pub(crate) connections: u64,
    /// Connections that sent nothing.
    pub(crate) probes: u64,
    /// What came back on connections that did not break.
    pub(crate) echoed: Echoed,
    /// Connections that broke: resets sent, and connections of processes that were killed.
    pub(crate) broken: u64,
    /// Connections that stopped speaking until the idle timeout ended them.
    pub(crate) reclaimed: u64,
}

/// What the server has left behind.
#[derive(Debug)]
pub(crate) struct Stopped {
    finished: Finished,
    /// What the server served before the load: one line on one connection.
    greeting: &'static str,
}

impl Stopped {
    /// Checks that no connection was owed anything at the end, and that nothing ever went wrong.
    #[track_caller]
    pub(crate) fn new(finished: Finished, greeting: &'static str) -> Self {
        finished.expect_code(0);
        let complaints = complaints(&finished.stderr);
        assert!(complaints.is_empty(), "the server complained: {complaints:?}");
        Self { finished, greeting }
    }

    /// Checks that the server counted every connection as what it was, and every byte that came
    /// back.
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
        assert!(sent >= load.echoed.bytes, "{sent} sent, {} came back", load.echoed.bytes);
        assert!((sent..=sent + max_lost).contains(&received), "{received} received, {sent} sent");
    }

    /// The same, and what came back to the byte and to the line. Connections that broke are left out
    /// by their records: there must have been few enough each second for all to be shown.
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

    /// A sum of the server's, less the greeting.
    #[track_caller]
    fn bytes(&self, key: &str) -> u64 {
        self.summary().number::<u64>(key) - self.greeting.len() as u64
    }

    #[track_caller]
    fn summary(&self) -> Record<'_> {
        record(&self.finished.stderr, "summary connections=")
    }
}

/// The records that are worse than information.
pub(super) fn complaints(log: &str) -> Vec<&str> {
    let is_complaint =
        |line: &&str| ["[WARN ]", "[ERROR]", "panicked"].iter().any(|word| line.contains(word));
    log.lines().filter(is_complaint).collect()
}
