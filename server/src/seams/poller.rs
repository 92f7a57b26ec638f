//! What a thread asks of the place where it sleeps: the seam behind which tests put a simulated
//! network and a virtual clock, or a model checker.

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

/// When a thread wants its next turn, events aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Without waiting.
    Now,
    /// At this time, in milliseconds since the server started.
    At(u64),
    /// Only for an event.
    Never,
}

/// What ended a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The thread's [`Waker`] was used.
    Woken,
    /// A stream is ready.
    Ready(Key, Readiness),
}

/// An event queue with a clock; each thread has its own.
pub(crate) trait Poller {
    /// Milliseconds since the server started.
    fn now_ms(&self) -> u64;

    /// Sleeps until there is an event, or until the time to wake. May return early, with no event.
    ///
    /// # Errors
    /// When the system cannot tell about events any more.
    fn wait(&mut self, wake: Wake) -> io::Result<()>;

    /// What ended the last [`wait`](Self::wait).
    fn events(&mut self) -> impl Iterator<Item = Event>;
}

/// Wakes the thread that sleeps in a [`Poller`], or keeps it from sleeping if it does not: a wake is
/// never lost, several may become one.
pub(crate) trait Waker {
    fn wake(&self);
}

/// Tells about the readiness of streams, edge-triggered: an event comes when a stream becomes ready,
/// and when it is ready at the moment of the call.
pub(crate) trait Registry<S> {
    /// Starts telling about `stream` under the name `key`.
    fn register(&mut self, stream: &mut S, key: Key, interest: Interest) -> io::Result<()>;

    /// Changes what to tell about.
    fn reregister(&mut self, stream: &mut S, key: Key, interest: Interest) -> io::Result<()>;
}
