//! A stream in memory that stands for the system, and its other end, which checks what comes back.
//!
//! What they cost is not the server's: it happens within functions called `uncounted_…`. Whoever
//! counts stops at the beginning of one of these and goes on at its end, so that none may call
//! another.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use crate::seams::stream::Stream;

/// What both ends share.
struct Wire {
    /// On its way to the server.
    incoming: Vec<u8>,
    /// The peer's end of the stream comes after that.
    is_finished: bool,
    /// What the server has read and not sent back.
    owed: Vec<u8>,
    /// How much it can send.
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
            assert_eq!(self.owed.get(sent..sent + len), Some(&part[..len]), "what was read");
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

/// The server's end.
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

/// The other end.
pub(crate) struct Peer(Rc<RefCell<Wire>>);

impl Default for Peer {
    fn default() -> Self {
        let wire = Wire { incoming: vec![], is_finished: false, owed: vec![], room: usize::MAX };
        Self(Rc::new(RefCell::new(wire)))
    }
}

impl Peer {
    /// The server's end; each is the same wire.
    pub(crate) fn stream(&self) -> Memory {
        Memory(Rc::clone(&self.0))
    }

    #[inline(never)]
    pub(crate) fn uncounted_send(&self, bytes: &[u8]) {
        self.0.borrow_mut().incoming.extend_from_slice(bytes);
    }

    /// Ends the stream, once: it may be used again after that was read.
    #[inline(never)]
    pub(crate) fn uncounted_finish(&self) {
        self.0.borrow_mut().is_finished = true;
    }

    /// From now on the server can send so much and no more.
    #[inline(never)]
    pub(crate) fn uncounted_limit_room(&self, len: usize) {
        self.0.borrow_mut().room = len;
    }

    /// What the server has not read yet.
    #[cfg(test)]
    pub(crate) fn uncounted_unread_len(&self) -> usize {
        self.0.borrow().incoming.len()
    }

    /// Whether everything was read and has come back.
    #[inline(never)]
    pub(crate) fn uncounted_is_through(&self) -> bool {
        let wire = self.0.borrow();
        wire.incoming.is_empty() && wire.owed.is_empty() && !wire.is_finished
    }
}
