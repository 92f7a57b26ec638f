//! A network in memory that behaves as an edge-triggered event queue over TCP does: an edge is told
//! once, and what is told is the state at the time of the telling.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use fastrand::Rng;

use crate::slots::Key;
use crate::stream::{Interest, Readiness, Selector, Stream};

/// The socket's two ends and what the event queue knows of it.
#[derive(Default)]
pub(super) struct Socket {
    /// All that the peer sent.
    pub(super) sent: Vec<u8>,
    /// What of it has arrived and was not read by the server.
    unread: VecDeque<u8>,
    /// Urgent bytes, as positions in `sent`: a read stops before each.
    urgent: Vec<usize>,
    /// The peer has finished its side.
    pub(super) fin: bool,
    /// The peer has reset the connection.
    pub(super) reset: bool,
    /// All that came back to the peer's system.
    pub(super) echoed: Vec<u8>,
    /// Room in the server's send buffer and the peer's window.
    room: usize,
    /// A write was short: an event is owed when there is room.
    wants_room: bool,
    /// The server has finished its side.
    pub(super) finished: bool,
    /// The server has closed its end.
    pub(super) closed: bool,
    watch: Option<(Key, Interest)>,
    /// Something happened that may be worth an event.
    edge: bool,
}

impl Socket {
    fn readiness(&self) -> Readiness {
        Readiness {
            readable: !self.unread.is_empty() || self.fin || self.reset,
            drain: self.fin || self.reset || !self.urgent.is_empty(),
        }
    }

    /// The event that is to be told now, if any.
    fn take_event(&mut self) -> Option<(Key, Readiness)> {
        let (key, interest) = self.watch.filter(|_| self.edge && !self.closed)?;
        self.edge = false;
        let readiness = self.readiness();
        match interest {
            Interest::Readable => readiness.readable.then_some((key, readiness)),
            Interest::Writable if self.reset => Some((key, readiness)),
            Interest::Writable => {
                // As in Linux, a look that finds no room asks for an event when there is some.
                self.wants_room |= self.room == 0;
                (self.room > 0).then_some((key, Readiness::default()))
            }
        }
    }

    /// Bytes the server has read.
    pub(super) fn received(&self) -> usize {
        self.sent.len() - self.unread.len()
    }

    /// Bytes one read can return: it stops before an urgent byte, unless that comes first.
    fn readable_len(&self) -> usize {
        let at = self.received();
        let mark = self.urgent.iter().map(|mark| mark - at).find(|&distance| distance > 0);
        mark.unwrap_or(usize::MAX).min(self.unread.len())
    }
}

/// All sockets of one run.
pub(super) struct Network {
    pub(super) sockets: Vec<Socket>,
    rng: Rng,
}

pub(super) type Shared = Rc<RefCell<Network>>;

impl Network {
    pub(super) fn new(rng: Rng) -> Self {
        Self { sockets: vec![], rng }
    }

    pub(super) fn connect(&mut self, room: usize) -> usize {
        self.sockets.push(Socket { room, ..Socket::default() });
        self.sockets.len() - 1
    }

    pub(super) fn peer_sends(&mut self, number: usize, bytes: &[u8], urgent: bool) {
        let socket = &mut self.sockets[number];
        if urgent && !bytes.is_empty() {
            socket.urgent.push(socket.sent.len() + bytes.len() - 1);
        }
        socket.sent.extend(bytes);
        socket.unread.extend(bytes);
        socket.edge = true;
    }

    pub(super) fn peer_finishes(&mut self, number: usize) {
        (self.sockets[number].fin, self.sockets[number].edge) = (true, true);
    }

    pub(super) fn peer_resets(&mut self, number: usize) {
        (self.sockets[number].reset, self.sockets[number].edge) = (true, true);
    }

    pub(super) fn peer_reads(&mut self, number: usize, len: usize) {
        let socket = &mut self.sockets[number];
        socket.room += len;
        if len > 0 && std::mem::take(&mut socket.wants_room) {
            socket.edge = true;
        }
    }

    /// What an event queue tells now, in any order.
    pub(super) fn poll(&mut self) -> Vec<(Key, Readiness)> {
        let mut events: Vec<_> = self.sockets.iter_mut().filter_map(Socket::take_event).collect();
        self.rng.shuffle(&mut events);
        events
    }

    /// Whether an event waits to be told.
    pub(super) fn has_events(&self) -> bool {
        self.sockets.iter().any(|socket| socket.edge && socket.watch.is_some() && !socket.closed)
    }
}

/// The server's end of a socket.
pub(super) struct SimStream {
    pub(super) network: Shared,
    pub(super) number: usize,
}

impl SimStream {
    fn with<T>(&self, act: impl FnOnce(&mut Socket) -> io::Result<T>) -> io::Result<T> {
        let network = &mut *self.network.borrow_mut();
        if network.rng.u8(..) < 8 {
            return Err(ErrorKind::Interrupted.into());
        }
        act(&mut network.sockets[self.number])
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.network.borrow_mut().sockets[self.number].closed = true;
    }
}

impl Read for SimStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|socket| {
            let len = socket.readable_len().min(buffer.len());
            if len > 0 {
                let at = socket.received() + len;
                for (to, from) in buffer.iter_mut().zip(socket.unread.drain(..len)) {
                    *to = from;
                }
                socket.urgent.retain(|&mark| mark >= at);
                return Ok(len);
            }
            match (socket.reset, socket.fin) {
                (true, _) => Err(ErrorKind::ConnectionReset.into()),
                (false, true) => Ok(0),
                (false, false) => Err(ErrorKind::WouldBlock.into()),
            }
        })
    }
}

impl Write for SimStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|socket| {
            assert!(!socket.finished, "a write after the server has finished its side");
            if socket.reset {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            let len = bytes.len().min(socket.room);
            socket.wants_room |= len < bytes.len();
            socket.room -= len;
            socket.echoed.extend(&bytes[..len]);
            if len == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(len) }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for SimStream {
    fn finish(&self) -> io::Result<()> {
        let socket = &mut self.network.borrow_mut().sockets[self.number];
        if socket.reset {
            return Err(ErrorKind::NotConnected.into());
        }
        socket.finished = true;
        Ok(())
    }

    fn is_delivered(&self) -> bool {
        self.network.borrow_mut().rng.bool()
    }

    fn max_unread_len(&self) -> usize {
        self.network.borrow().sockets[self.number].unread.len()
    }
}

/// The event queue's registration side. Like epoll, it looks at the state when it is asked.
pub(super) struct SimSelector;

impl SimSelector {
    fn watch(stream: &SimStream, key: Key, interest: Interest) {
        let socket = &mut stream.network.borrow_mut().sockets[stream.number];
        socket.watch = Some((key, interest));
        socket.edge = true;
    }
}

impl Selector<SimStream> for SimSelector {
    fn register(&mut self, stream: &mut SimStream, key: Key, interest: Interest) -> io::Result<()> {
        Self::watch(stream, key, interest);
        Ok(())
    }

    fn reregister(
        &mut self,
        stream: &mut SimStream,
        key: Key,
        interest: Interest,
    ) -> io::Result<()> {
        Self::watch(stream, key, interest);
        Ok(())
    }
}
