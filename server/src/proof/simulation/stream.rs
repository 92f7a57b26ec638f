//! The simulated system behind the server's seams: streams, a listener, pollers, wakers and journals.

use std::cell::RefMut;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use super::network::{Network, Shared};
use super::socket::Socket;
use crate::records::Records;
use crate::seams::journal::{Closing, Journal, Name};
use crate::seams::listener::Listener;
use crate::seams::poller::{Event, Key, Poller, Registry, Wake, Waker};
use crate::seams::stream::{Interest, Readiness, Stream};

/// Out of 256 system calls, a signal interrupts this many.
const INTERRUPTED_CALLS: usize = 8;

/// Out of 256 requests to watch a stream, this many fail.
const FAILED_WATCHES: usize = 1;

/// The server's end of a socket.
pub(super) struct SimStream {
    network: Shared,
    number: usize,
}

impl SimStream {
    fn socket(&self) -> RefMut<'_, Socket> {
        RefMut::map(self.network.borrow_mut(), |network| &mut network.sockets[self.number])
    }

    /// Makes a system call on the socket, unless a signal interrupts it.
    fn system_call<T>(&self, act: impl FnOnce(&mut Socket, u64) -> io::Result<T>) -> io::Result<T> {
        let network = &mut *self.network.borrow_mut();
        if network.dice.chance(INTERRUPTED_CALLS) {
            return Err(ErrorKind::Interrupted.into());
        }
        act(&mut network.sockets[self.number], network.now_ms)
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let now_ms = self.network.borrow().now_ms;
        self.socket().closed_at_ms = Some(now_ms);
    }
}

impl Read for SimStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.system_call(|socket, now_ms| socket.read(now_ms, buffer))
    }
}

impl Write for SimStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        self.system_call(|socket, now_ms| socket.write(now_ms, &bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for SimStream {
    fn finish(&self) -> io::Result<()> {
        let now_ms = self.network.borrow().now_ms;
        self.socket().finish(now_ms)
    }

    fn acked_len(&self) -> Option<u64> {
        Some(self.socket().acked_len as u64)
    }

    fn begin_end(&mut self) -> usize {
        let (now_ms, stopped_at_ms, idle_timeout_ms) = {
            let network = self.network.borrow();
            (network.now_ms, network.stopped_at_ms, network.setup.idle_timeout_ms)
        };
        let mut socket = self.socket();
        if stopped_at_ms.is_none() {
            socket.check_idle(now_ms, idle_timeout_ms.unwrap());
        }
        socket.begin_end(now_ms)
    }
}

/// The listening socket.
pub(super) struct SimListener(pub(super) Shared);

impl Listener for SimListener {
    type Stream = SimStream;

    fn accept(&self) -> io::Result<(SimStream, SocketAddr)> {
        let number = self.0.borrow_mut().accept()?;
        let stream = SimStream { network: Rc::clone(&self.0), number };
        Ok((stream, ([127, 0, 0, 1], 1).into()))
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.0.borrow_mut().close_listener();
    }
}

/// A thread's event queue. It never waits, because the world decides which thread runs next.
pub(super) struct SimPoller {
    pub(super) network: Shared,
    pub(super) thread: usize,
    /// All keys so far. A stale event may name a key whose connection is long gone.
    pub(super) keys: Vec<Key>,
}

impl SimPoller {
    fn watch(&mut self, stream: &SimStream, key: Key, interest: Interest) -> io::Result<()> {
        self.keys.push(key);
        let Network { sockets, dice, .. } = &mut *self.network.borrow_mut();
        let socket = &mut sockets[stream.number];
        if dice.chance(FAILED_WATCHES) {
            socket.watch_failed = true;
            return Err(ErrorKind::OutOfMemory.into());
        }
        socket.watch(self.thread, key, interest);
        Ok(())
    }

    /// Returns an event without a reason now and then. Its connection is gone, or need not be ready.
    fn stale_event(&mut self) -> Option<Event> {
        let dice = &mut self.network.borrow_mut().dice;
        if self.keys.is_empty() || !dice.chance(16) {
            return None;
        }
        let readiness = Readiness { readable: true, read_until_blocked: dice.chance(128) };
        Some(Event::Ready(dice.pick(&self.keys), readiness))
    }
}

impl Poller for SimPoller {
    fn now_ms(&self) -> u64 {
        self.network.borrow().now_ms
    }

    fn wait(&mut self, _: Wake) -> io::Result<()> {
        Ok(())
    }

    fn events(&mut self) -> impl Iterator<Item = Event> {
        let events = self.network.borrow_mut().take_events(self.thread);
        events.into_iter().chain(self.stale_event())
    }
}

impl Registry<SimStream> for SimPoller {
    fn register(&mut self, stream: &mut SimStream, key: Key, interest: Interest) -> io::Result<()> {
        self.watch(stream, key, interest)
    }

    fn reregister(
        &mut self,
        stream: &mut SimStream,
        key: Key,
        interest: Interest,
    ) -> io::Result<()> {
        self.watch(stream, key, interest)
    }
}

/// One worker's journal: it writes the log records as they ship, and keeps the account of each
/// connection for the checks.
pub(super) struct SimJournal {
    pub(super) records: Records,
    pub(super) network: Shared,
}

impl Journal for SimJournal {
    fn opened(&mut self, now_ms: u64, name: Name) {
        self.records.opened(now_ms, name);
    }

    fn messages(&mut self, now_ms: u64, name: Name, due: (&[u8], &[u8]), newlines: u64) {
        self.records.messages(now_ms, name, due, newlines);
    }

    fn closed(&mut self, now_ms: u64, name: Name, closing: &Closing) {
        self.records.closed(now_ms, name, closing);
        self.network.borrow_mut().closings.push((name.id, *closing));
    }

    fn not_shown(&self) -> u64 {
        self.records.not_shown()
    }
}

/// Wakes one thread.
pub(super) struct SimWaker {
    pub(super) network: Shared,
    pub(super) thread: usize,
}

impl Waker for SimWaker {
    fn wake(&self) {
        self.network.borrow_mut().wake(self.thread);
    }
}
