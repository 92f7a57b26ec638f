//! What a connection asks of its socket, and what it is told of its readiness: the seam behind which
//! tests put a simulated network.

use std::io::{self, Read, Write};

/// A non-blocking, connected, bidirectional byte stream.
pub(crate) trait Stream: Read + Write {
    /// Finishes the sending side (FIN) after all that was written.
    fn finish(&self) -> io::Result<()>;

    /// How many bytes that were written the peer's system has acknowledged; after all of them, the
    /// end of the stream may count as one more. `None` where the system does not tell.
    fn acked_len(&self) -> Option<u64>;

    /// At least as many bytes as can be waiting unread in the system at this moment.
    fn begin_end(&mut self) -> usize;
}

/// What a connection waits for: always exactly one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Bytes, the peer's end of stream, or an error.
    Readable,
    /// Room to send, or an error.
    Writable,
}

/// What an event said about a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// Reading will not block.
    pub(crate) readable: bool,
    /// From now on a short read does not mean that nothing is left: the peer has finished (data and
    /// FIN give one event), there is an error to fetch, or urgent data splits the reads.
    pub(crate) read_until_blocked: bool,
}
