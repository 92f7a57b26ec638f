//! Where connections come from.

use std::io;
use std::net::SocketAddr;

/// A listening socket that does not block.
pub(crate) trait Listener {
    type Stream;

    /// Accepts the next connection that waits.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when none waits;
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) when the one that waited is gone.
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;
}
