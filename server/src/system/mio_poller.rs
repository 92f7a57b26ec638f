//! The poller of the system: mio, and the clock.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use log::error;
use mio::{Events, Poll, Token};

use super::socket::{ListeningSocket, Socket};
use crate::seams::poller::Key;
use crate::seams::poller::{Event, Poller, Registry, Wake, Waker};
use crate::seams::stream::{Interest, Readiness};

/// The tokens of the waker and of the listener. No connection's key has these numbers.
const WAKER: Token = Token(usize::MAX);
const LISTENER: Token = Token(usize::MAX - 1);

/// Number of events taken from the system at once, at first.
const MIN_EVENTS: usize = 256;

/// Maximum number of events taken at once. The number doubles whenever a poll fills it.
const MAX_EVENTS: usize = 4_096;

/// Wakes the thread of one poller.
pub(crate) type MioWaker = mio::Waker;

/// The poller of one thread.
pub(crate) struct MioPoller {
    poll: Poll,
    events: Events,
    started: Instant,
    busy_poll: Option<BusyPoll>,
}

/// How a thread stays awake for a while after each event.
#[derive(Debug, Clone, Copy)]
struct BusyPoll {
    length: Duration,
    /// When the thread may sleep. `None`: never, because the time is beyond what the clock can tell.
    end: Option<Instant>,
}

impl MioPoller {
    /// Returns a poller that counts time from `started`, and its waker. After an event the poller looks
    /// for the next one for `busy_poll` before it sleeps.
    pub(crate) fn new(
        started: Instant,
        busy_poll: Option<Duration>,
    ) -> io::Result<(Self, mio::Waker)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let busy_poll = busy_poll.map(|length| BusyPoll { length, end: Some(started) });
        Ok((Self { poll, events: Events::with_capacity(MIN_EVENTS), started, busy_poll }, waker))
    }

    /// Watches a listener. There is one event for each connection that arrives, so a caller that leaves
    /// a connection waiting must accept again without waiting for an event.
    pub(crate) fn watch(&self, listener: &mut ListeningSocket) -> io::Result<()> {
        self.poll.registry().register(listener, LISTENER, mio::Interest::READABLE)
    }
}

impl MioPoller {
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    fn timeout(&self, wake: Wake) -> Option<Duration> {
        match wake {
            Wake::Now => Some(Duration::ZERO),
            Wake::At(at_ms) => {
                Some(Duration::from_millis(at_ms).saturating_sub(self.started.elapsed()))
            }
            Wake::Never => None,
        }
    }

    /// Looks for events until there is one, the busy poll is over, or it is time to wake. Other threads
    /// get the CPU in between. Returns whether the thread need not sleep.
    fn stay_awake(&mut self, busy_poll: BusyPoll, wake: Wake) -> io::Result<bool> {
        while busy_poll.end.is_none_or(|end| Instant::now() < end) {
            self.poll(Some(Duration::ZERO))?;
            if !self.events.is_empty() || self.timeout(wake) == Some(Duration::ZERO) {
                return Ok(true);
            }
            thread::yield_now();
        }
        Ok(false)
    }
}

impl Poller for MioPoller {
    #[expect(clippy::cast_possible_truncation, reason = "584 million years fit")]
    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn wait(&mut self, wake: Wake) -> io::Result<()> {
        let count = self.events.iter().count();
        if count == self.events.capacity() && count < MAX_EVENTS {
            self.events = Events::with_capacity(2 * count);
        }
        let Some(busy_poll) = self.busy_poll else { return self.poll(self.timeout(wake)) };
        if !self.stay_awake(busy_poll, wake)? {
            self.poll(self.timeout(wake))?;
        }
        if !self.events.is_empty() {
            let end = Instant::now().checked_add(busy_poll.length);
            self.busy_poll = Some(BusyPoll { end, ..busy_poll });
        }
        Ok(())
    }

    fn events(&mut self) -> impl Iterator<Item = Event> {
        self.events.iter().map(|event| match event.token() {
            WAKER => Event::Woken,
            Token(number) => Event::Ready(Key::from_number(number), event.into()),
        })
    }
}

impl Waker for mio::Waker {
    fn wake(&self) {
        // A signal does not interrupt this write on Linux; if it did, the wake-up would be lost.
        while let Err(error) = self.wake() {
            if error.kind() != io::ErrorKind::Interrupted {
                // Only a system that is out of memory fails here.
                return error!("wake error=\"{error}\"");
            }
        }
    }
}

impl Registry<Socket> for MioPoller {
    fn register(&mut self, socket: &mut Socket, key: Key, interest: Interest) -> io::Result<()> {
        self.poll.registry().register(socket.source(), Token(key.to_number()), to_mio(interest))
    }

    fn reregister(&mut self, socket: &mut Socket, key: Key, interest: Interest) -> io::Result<()> {
        self.poll.registry().reregister(socket.source(), Token(key.to_number()), to_mio(interest))
    }
}

impl From<&mio::event::Event> for Readiness {
    fn from(event: &mio::event::Event) -> Self {
        Self {
            readable: event.is_readable(),
            read_until_blocked: event.is_read_closed() || event.is_error() || event.is_priority(),
        }
    }
}

fn to_mio(interest: Interest) -> mio::Interest {
    match interest {
        // Urgent data causes short reads that have not emptied the socket, so it must be noticed.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Interest::Readable => mio::Interest::READABLE | mio::Interest::PRIORITY,
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Interest::Readable => mio::Interest::READABLE,
        Interest::Writable => mio::Interest::WRITABLE,
    }
}
