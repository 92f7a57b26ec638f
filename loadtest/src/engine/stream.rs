//! The seam between a connection and its socket: what the connection asks, and what events say.

use std::io;
use std::time::Duration;

use super::units::nanoseconds;

/// A non-blocking byte stream that is connected or about to be.
pub(crate) trait Stream {
    /// Returns whether the connection was made, once an event has said that the attempt is over.
    ///
    /// # Errors
    /// Why it was not made.
    fn check_connected(&self) -> io::Result<()>;

    /// Receives once into `buffer`.
    ///
    /// # Errors
    /// "Would block" when there is nothing to receive.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Sends once. Returns how many of the bytes the system took.
    ///
    /// # Errors
    /// "Would block" when there is no room.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Finishes the sending side (FIN) after all that was sent.
    ///
    /// # Errors
    /// Whatever the system says, as when the connection was reset.
    fn finish(&self) -> io::Result<()>;
}

/// What one call received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    /// Number of bytes; 0 is the end of the stream.
    pub(crate) len: usize,
    /// How long ago the kernel had received the last segment of these bytes. `None` without a sound
    /// timestamp.
    pub(crate) age: Option<Duration>,
}

impl Received {
    /// Returns when the kernel had received the bytes, if it says so and they were read at `read_ns`.
    pub(crate) fn received_ns(&self, read_ns: u64) -> Option<u64> {
        Some(read_ns.saturating_sub(nanoseconds(self.age?)))
    }
}

/// What events have said about a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// Receiving may not block.
    pub(crate) readable: bool,
    /// Sending may not block.
    pub(crate) writable: bool,
    /// From now on only "would block" means that nothing is left to receive: the peer has finished, or
    /// there is an error to fetch.
    pub(crate) read_until_blocked: bool,
}

impl Readiness {
    /// Adds what a later event said.
    pub(crate) fn add(&mut self, event: Self) {
        self.readable |= event.readable;
        self.writable |= event.writable;
        self.read_until_blocked |= event.read_until_blocked;
    }
}
