//! The server's own counts, from the last record of its log.

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
    /// Stops the server and reads its counts.
    ///
    /// # Panics
    /// If the server does not end well, or has not echoed everything.
    #[track_caller]
    pub(super) fn of_stopped(server: ServerProcess) -> Self {
        Self::of(&server.stop())
    }

    /// Reads the counts of a server that has ended.
    ///
    /// # Panics
    /// If the server did not end well, or has not echoed everything.
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

    /// Checks that the server counted this many connections and bytes, no probe and no failure.
    ///
    /// # Panics
    /// If it counted anything else.
    #[track_caller]
    pub(super) fn expect(&self, connections: usize, bytes: usize) {
        let expected = (connections as u64, bytes as u64, 0, 0);
        let counted = (self.connections, self.received, self.probes, self.failed);
        assert_eq!(counted, expected, "connections, bytes, probes, failed; {self:?}");
    }
}
