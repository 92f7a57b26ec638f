//! Where connections come from.

use std::io;
use std::net::SocketAddr;

/// A listening socket that does not block.
pub(crate) trait Listener {
    type Stream;

    /// Takes the next connection that waits.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when none waits; else what the system said.
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;
}
