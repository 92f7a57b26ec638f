//! What the server says it has done, read from the last record of its log.

use echo_tests::process::{Finished, ServerProcess};
use echo_tests::records::record;

/// The counters of the server's summary.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) connections: u64,
    pub(super) probes: u64,
    pub(super) messages: u64,
    pub(super) received: u64,
    pub(super) failed: u64,
    sent: u64,
    idle: u64,
    cut: u64,
}

impl Tally {
    /// Stops the server.
    ///
    /// # Panics
    /// When it does not end well, or owes anything to anyone.
    #[track_caller]
    pub(super) fn of_stopped(server: ServerProcess) -> Self {
        Self::of(&server.stop())
    }

    /// The count of a server that was stopped.
    ///
    /// # Panics
    /// When it did not end well, or owed anything to anyone.
    #[track_caller]
    pub(super) fn of(finished: &Finished) -> Self {
        finished.expect_code(0);
        let summary = record(&finished.stderr, "summary connections=");
        let tally = Self {
            connections: summary.number("connections"),
            probes: summary.number("probes"),
            messages: summary.number("messages"),
            received: summary.number("received"),
            failed: summary.number("failed"),
            sent: summary.number("sent"),
            idle: summary.number("idle"),
            cut: summary.number("cut"),
        };
        assert_eq!(tally.received, tally.sent, "{tally:?}");
        assert_eq!((tally.idle, tally.cut), (0, 0), "{tally:?}");
        tally
    }

    /// Checks that there were these connections with these bytes, and nothing else.
    ///
    /// # Panics
    /// When there was more, less, or a fault.
    #[track_caller]
    pub(super) fn expect(&self, connections: usize, bytes: usize) {
        let expected = (connections as u64, bytes as u64, 0, 0);
        let counted = (self.connections, self.received, self.probes, self.failed);
        assert_eq!(counted, expected, "connections, bytes, probes, failed; {self:?}");
    }
}
