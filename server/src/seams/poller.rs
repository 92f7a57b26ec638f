//! Where a thread sleeps, and what wakes it. Behind these traits are mio and the system's clock, a
//! simulated network with a virtual clock, or a model checker.

use std::io;

use super::stream::{Interest, Readiness};

/// The name of a stream in its thread's poller. A key is not given out again before 2³² more streams
/// were registered (2¹⁶ on 32-bit systems).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(usize);

impl Key {
    /// Returns the key as a number; it is never `usize::MAX`.
    pub(crate) fn to_number(self) -> usize {
        self.0
    }

    /// Returns the key that has this number.
    pub(crate) fn from_number(number: usize) -> Self {
        Self(number)
    }
}

/// When a thread wants its next turn if no event comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// At once.
    Now,
    /// At this time, in milliseconds since the server started.
    At(u64),
    /// Not before an event.
    Never,
}

/// What may end a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody used the thread's [`Waker`].
    Woken,
    /// The stream with this key is ready.
    Ready(Key, Readiness),
}

/// A source of events with a clock. Each thread has its own.
pub(crate) trait Poller {
    /// Returns the time in milliseconds since the server started.
    fn now_ms(&self) -> u64;

    /// Sleeps until an event comes or it is time to wake. It may return earlier, without an event.
    ///
    /// # Errors
    /// When the system cannot deliver events any more.
    fn wait(&mut self, wake: Wake) -> io::Result<()>;

    /// Iterates over the events of the last [`wait`](Self::wait).
    fn events(&mut self) -> impl Iterator<Item = Event>;
}

/// Wakes the thread that sleeps in a [`Poller`]. If the thread is awake, its next sleep ends at once: no
/// wake is lost, but several may become one.
pub(crate) trait Waker {
    fn wake(&self);
}

/// The streams that a [`Poller`] watches, edge-triggered: an event comes when a stream becomes ready, and
/// when it is ready at the moment of a call of one of these functions.
pub(crate) trait Registry<S> {
    /// Starts to watch `stream`, whose events carry `key`.
    fn register(&mut self, stream: &mut S, key: Key, interest: Interest) -> io::Result<()>;

    /// Changes the kind of event that is watched.
    fn reregister(&mut self, stream: &mut S, key: Key, interest: Interest) -> io::Result<()>;
}
