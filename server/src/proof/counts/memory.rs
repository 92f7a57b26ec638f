//! A stream in memory that stands for a socket, and its peer, which checks the echo.
//!
//! Their instructions are not the server's, so they run within functions called `uncounted_…`.
//! Counting stops when such a function begins and goes on when it ends. Therefore no such function
//! may call another one.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use crate::seams::stream::Stream;

/// The state that both ends share.
struct Wire {
    /// Bytes that the server has not read yet.
    incoming: Vec<u8>,
    /// The end of the stream follows the incoming bytes.
    is_finished: bool,
    /// Bytes that the server has read and not sent back.
    owed: Vec<u8>,
    /// Number of bytes that the server can send.
    room: usize,
}

impl Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.incoming.len().min(buffer.len());
        if len == 0 && !std::mem::take(&mut self.is_finished) {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffer[..len].copy_from_slice(&self.incoming[..len]);
        self.owed.extend(self.incoming.drain(..len));
        Ok(len)
    }

    fn write(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for part in parts {
            let len = part.len().min(self.room - sent);
            assert_eq!(self.owed.get(sent..sent + len), Some(&part[..len]), "the echo");
            sent += len;
        }
        if sent == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.owed.drain(..sent);
        self.room -= sent;
        Ok(sent)
    }
}

/// The server's end of the wire.
pub(crate) struct Memory(Rc<RefCell<Wire>>);

impl Memory {
    #[inline(never)]
    fn uncounted_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }

    #[inline(never)]
    fn uncounted_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.borrow_mut().write(parts)
    }
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.uncounted_read(buffer)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.uncounted_write(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.uncounted_write(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Memory {
    fn finish(&self) -> io::Result<()> {
        Ok(())
    }

    fn acked_len(&self) -> Option<u64> {
        None
    }

    fn begin_end(&mut self) -> usize {
        self.0.borrow().incoming.len()
    }
}

/// The peer's end of the wire.
pub(crate) struct Peer(Rc<RefCell<Wire>>);

impl Default for Peer {
    fn default() -> Self {
        let wire = Wire { incoming: vec![], is_finished: false, owed: vec![], room: usize::MAX };
        Self(Rc::new(RefCell::new(wire)))
    }
}

impl Peer {
    /// Returns the server's end. All streams of one peer share its wire.
    pub(crate) fn stream(&self) -> Memory {
        Memory(Rc::clone(&self.0))
    }

    #[inline(never)]
    pub(crate) fn uncounted_send(&self, bytes: &[u8]) {
        self.0.borrow_mut().incoming.extend_from_slice(bytes);
    }

    /// Ends the stream once. After the server has read the end, the wire can be used again.
    #[inline(never)]
    pub(crate) fn uncounted_finish(&self) {
        self.0.borrow_mut().is_finished = true;
    }

    /// Lets the server send `len` bytes from now on, and no more.
    #[inline(never)]
    pub(crate) fn uncounted_limit_room(&self, len: usize) {
        self.0.borrow_mut().room = len;
    }

    /// Returns how many bytes the server has not read yet.
    #[cfg(test)]
    pub(crate) fn uncounted_unread_len(&self) -> usize {
        self.0.borrow().incoming.len()
    }

    /// Returns whether the server has read everything and has sent it back.
    #[inline(never)]
    pub(crate) fn uncounted_has_whole_echo(&self) -> bool {
        let wire = self.0.borrow();
        wire.incoming.is_empty() && wire.owed.is_empty() && !wire.is_finished
    }
}
