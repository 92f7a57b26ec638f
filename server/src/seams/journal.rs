//! What a worker reports about its connections. The log listens, and so does the simulation.

use std::fmt;
use std::net::SocketAddr;

use super::close_reason::CloseReason;
use super::peer::Peer;

/// How a connection is named in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) peer: Peer,
    pub(crate) id: u64,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer={} connection={}", SocketAddr::from(self.peer), self.id)
    }
}

/// What a connection has done, at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    pub(crate) reason: CloseReason,
    /// Bytes received to be echoed.
    pub(crate) received: u64,
    /// Bytes sent back.
    pub(crate) sent: u64,
    pub(crate) messages: u64,
    pub(crate) duration_ms: u64,
}

/// Listens to one worker. Times are in milliseconds since the server started.
pub(crate) trait Journal {
    /// Notes that the first bytes of a connection have arrived.
    fn opened(&mut self, now_ms: u64, name: Name);

    /// Notes that bytes are due: those that were held, then a chunk with `newlines` newlines.
    fn messages(&mut self, now_ms: u64, name: Name, due: (&[u8], &[u8]), newlines: u64);

    /// Notes that a connection has ended. If it never sent a byte, it was not opened before.
    fn closed(&mut self, now_ms: u64, name: Name, closing: &Closing);

    /// Returns the number of log records that were counted instead of shown.
    fn not_shown(&self) -> u64;
}
