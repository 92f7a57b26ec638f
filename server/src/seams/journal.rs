//! What a worker tells of its connections: the log, or a check, listens.

use std::fmt;
use std::net::SocketAddr;

use super::close_reason::CloseReason;
use super::peer::Peer;

/// What names a connection.
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

/// A connection's account at its end.
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
    /// The first bytes of a connection have arrived.
    fn opened(&mut self, now_ms: u64, name: Name);

    /// These bytes are due: `held` followed by `chunk`, which has `newlines` newlines.
    fn messages(&mut self, now_ms: u64, name: Name, due: (&[u8], &[u8]), newlines: u64);

    /// A connection ended. One that never sent a byte was not opened before.
    fn closed(&mut self, now_ms: u64, name: Name, closing: &Closing);

    /// Returns the number of log records that were counted instead of shown.
    fn not_shown(&self) -> u64;
}
