//! How a connection gets from the acceptor to one worker.

use std::net::SocketAddr;

/// A connection on its way from the acceptor to a worker.
#[derive(Debug)]
pub(crate) struct Accepted<S> {
    pub(crate) stream: S,
    pub(crate) peer: SocketAddr,
    /// The server numbers its connections from 1.
    pub(crate) id: u64,
}

/// The acceptor's end of one worker's mailbox. It does not block.
pub(crate) trait Mailbox<S> {
    /// Sends a connection to the worker.
    ///
    /// # Errors
    /// The connection comes back, with the reason, when the worker cannot take it.
    fn try_send(&self, accepted: Accepted<S>) -> Result<(), Refused<S>>;

    /// Wakes the worker, so that it takes what was sent.
    fn wake(&self);

    /// Returns how many of the connections sent here the worker has closed.
    fn closed(&self) -> u64;
}

/// A connection that comes back, and why.
#[derive(Debug)]
pub(crate) enum Refused<S> {
    /// The mailbox is full: the worker has not yet adopted what it was sent before.
    Full(Accepted<S>),
    /// The worker has ended.
    Gone(Accepted<S>),
}
