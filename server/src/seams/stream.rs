//! What a connection asks of its socket, and how it learns that the socket is ready. Behind this trait
//! is a socket, or a simulated network.

use std::io::{self, Read, Write};

/// A non-blocking, connected, bidirectional byte stream.
pub(crate) trait Stream: Read + Write {
    /// Finishes the sending side: the peer receives everything written, then the end of the stream.
    fn finish(&self) -> io::Result<()>;

    /// Returns how many of the bytes written the peer's system has acknowledged. The end of the stream
    /// may count as one more byte. `None`: the system does not tell.
    fn acked_len(&self) -> Option<u64>;

    /// Begins the end of the stream from this side. Returns an upper limit for the number of bytes that
    /// have arrived by now and are not read.
    fn begin_end(&mut self) -> usize;
}

/// What a connection waits for. It always waits for exactly one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Bytes, the peer's end of stream, or an error.
    Readable,
    /// Room in the send buffer, or an error.
    Writable,
}

/// What an event said about a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// A read will not block.
    pub(crate) readable: bool,
    /// From now on only "would block" means that nothing is left to read; a short read does not. The
    /// peer has finished (its data and its FIN may share one event), an error waits to be read, or
    /// urgent data splits the reads.
    pub(crate) read_until_blocked: bool,
}
