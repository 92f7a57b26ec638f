//! The acceptor thread: it waits for connections, for room or for the stop, and gives the acceptor its
//! turns.

use std::io;
use std::sync::Arc;

use log::{debug, warn};

use super::handoff::{Control, Outbox};
use crate::acceptor::{Acceptor, Wait};
use crate::seams::listener::Listener;
use crate::seams::poller::{Poller, Wake, Waker};

/// Minimum time to wait for room in a channel when the server stops, however short the drain timeout. A
/// live worker makes room within a turn, so no accepted connection is lost.
const MIN_ROOM_WAIT_MS: u64 = 1_000;

/// The parts of the acceptor thread. Its poller has an event when a connection waits at the listener.
pub(crate) struct AcceptorLoop<P, L: Listener, W: Waker> {
    poller: P,
    listener: L,
    acceptor: Acceptor<L::Stream, Outbox<L::Stream, W>>,
    control: Arc<Control<W>>,
    limits: StopLimits,
    /// `None` while the server is not stopping.
    last: Option<Last>,
}

/// What the acceptor may still do when the server stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopLimits {
    /// Maximum number of connections accepted after the stop: those in the listen backlog.
    pub(crate) backlog: u64,
    /// How long it waits for room in a channel, unless [`MIN_ROOM_WAIT_MS`] is longer.
    pub(crate) drain_timeout_ms: u64,
}

/// When the acceptor ends, once the server stops.
#[derive(Debug, Clone, Copy)]
struct Last {
    /// Maximum number of connections accepted since the start.
    accepted: u64,
    /// When it stops waiting for room.
    until_ms: u64,
}

impl<P: Poller, L: Listener, W: Waker> AcceptorLoop<P, L, W> {
    pub(crate) fn new(
        poller: P,
        listener: L,
        acceptor: Acceptor<L::Stream, Outbox<L::Stream, W>>,
        control: Arc<Control<W>>,
        limits: StopLimits,
    ) -> Self {
        Self { poller, listener, acceptor, control, limits, last: None }
    }

    /// Accepts connections until the server stops. Then it accepts those that wait in the listen backlog,
    /// closes the listener, and tells the workers that no more will come.
    ///
    /// # Errors
    /// When the poller fails. The workers learn in this case too that no more will come.
    pub(crate) fn run(mut self) -> io::Result<()> {
        while let Some(wake) = self.turn() {
            if wake != Wake::Now {
                self.poller.wait(wake)?;
            }
        }
        Ok(())
    }

    /// Takes one turn. Returns when the next is due; `None` after the last.
    pub(crate) fn turn(&mut self) -> Option<Wake> {
        if self.last.is_none() && self.control.is_stopping() {
            self.last = Some(Last {
                accepted: self.acceptor.accepted() + self.limits.backlog,
                until_ms: self.poller.now_ms() + self.limits.drain_timeout_ms.max(MIN_ROOM_WAIT_MS),
            });
        }
        let wait = self.accept();
        match (self.last, wait) {
            (Some(last), _) => self.stop(last, wait),
            (None, Wait::No) => Some(Wake::Now),
            (None, Wait::Connection | Wait::Room) => Some(Wake::Never),
            (None, Wait::RoomUntil(at_ms)) => Some(Wake::At(at_ms)),
        }
    }

    fn accept(&mut self) -> Wait {
        let wait = self.acceptor.turn(self.poller.now_ms(), &self.listener);
        match wait {
            Wait::No | Wait::Connection => wait,
            Wait::RoomUntil(_) => {
                self.control.want_room();
                wait
            }
            Wait::Room => {
                self.control.want_room();
                // A worker may have made room before it could see that room is wanted.
                self.acceptor.turn(self.poller.now_ms(), &self.listener)
            }
        }
    }

    /// Returns when to go on accepting after the stop. `None`: every connection from the listen backlog
    /// was accepted and handed over, or no more can be accepted.
    fn stop(&self, last: Last, wait: Wait) -> Option<Wake> {
        let holds_one = self.acceptor.holds_one();
        let wake = match wait {
            Wait::No => (self.acceptor.accepted() < last.accepted).then_some(Wake::Now),
            Wait::Connection | Wait::RoomUntil(_) => None,
            Wait::Room if holds_one && self.poller.now_ms() >= last.until_ms => {
                warn!("closing an accepted connection: no worker took it in time");
                None
            }
            // If the acceptor holds none, the connection limit is reached, and the backlog cannot be
            // served.
            Wait::Room => holds_one.then_some(Wake::At(last.until_ms)),
        };
        if wake.is_none() {
            debug!("stopped accepting accepted={}", self.acceptor.accepted());
        }
        wake
    }
}
