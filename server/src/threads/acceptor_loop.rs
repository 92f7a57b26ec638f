//! The acceptor thread: waits for connections, room or the end, and gives the acceptor its turns.

use std::io;
use std::sync::Arc;

use log::{debug, warn};

use super::handoff::{Control, Outbox};
use crate::acceptor::{Acceptor, Wait};
use crate::seams::listener::Listener;
use crate::seams::poller::{Poller, Wake, Waker};

/// When the server stops and all channels are full, a worker that lives makes room within a turn.
/// However short the drain timeout, so long is waited for one: an accepted connection is not lost.
const MIN_ROOM_WAIT_MS: u64 = 1_000;

/// What the acceptor thread is made of. Its queue tells when a connection waits to be accepted.
pub(crate) struct AcceptorLoop<P, L: Listener, W: Waker> {
    poller: P,
    listener: L,
    acceptor: Acceptor<L::Stream, Outbox<L::Stream, W>>,
    control: Arc<Control<W>>,
    /// When stopping, no more than this are accepted: what waited in the system's poller.
    backlog: u64,
    drain_timeout_ms: u64,
    /// `None` while the server is not stopping.
    last: Option<Last>,
}

/// How long it is still accepted when the server stops.
#[derive(Debug, Clone, Copy)]
struct Last {
    /// Up to this many connections since the start...
    accepted: u64,
    /// ...and not waiting for room any longer than this.
    until_ms: u64,
}

impl<P: Poller, L: Listener, W: Waker> AcceptorLoop<P, L, W> {
    pub(crate) fn new(
        poller: P,
        listener: L,
        acceptor: Acceptor<L::Stream, Outbox<L::Stream, W>>,
        control: Arc<Control<W>>,
        backlog: u64,
        drain_timeout_ms: u64,
    ) -> Self {
        Self { poller, listener, acceptor, control, backlog, drain_timeout_ms, last: None }
    }

    /// Accepts until it is told to stop; then accepts what waits in the system's poller, closes the
    /// listener, and tells the workers that nothing more will come.
    ///
    /// # Errors
    /// When the system cannot tell about events any more. The workers are told all the same.
    pub(crate) fn run(mut self) -> io::Result<()> {
        while let Some(wake) = self.turn() {
            if wake != Wake::Now {
                self.poller.wait(wake)?;
            }
        }
        Ok(())
    }

    /// Does what there is to do. Returns when the next turn is due; `None` after the last.
    pub(crate) fn turn(&mut self) -> Option<Wake> {
        if self.last.is_none() && self.control.is_stopping() {
            self.last = Some(Last {
                accepted: self.acceptor.accepted() + self.backlog,
                until_ms: self.poller.now_ms() + self.drain_timeout_ms.max(MIN_ROOM_WAIT_MS),
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
                // Room that was made before the workers knew that it is wanted.
                self.acceptor.turn(self.poller.now_ms(), &self.listener)
            }
        }
    }

    /// Whether all that waited in the system's queue was accepted and handed over; if not, when to
    /// go on.
    fn stop(&self, last: Last, wait: Wait) -> Option<Wake> {
        let holds_one = self.acceptor.holds_one();
        let wake = match wait {
            Wait::No => (self.acceptor.accepted() < last.accepted).then_some(Wake::Now),
            Wait::Connection | Wait::RoomUntil(_) => None,
            Wait::Room if holds_one && self.poller.now_ms() >= last.until_ms => {
                warn!("a connection was accepted and no worker took it in time");
                None
            }
            // Without one in hand it is the connection limit: those in the queue cannot be served.
            Wait::Room => holds_one.then_some(Wake::At(last.until_ms)),
        };
        if wake.is_none() {
            debug!("stopped accepting accepted={}", self.acceptor.accepted());
        }
        wake
    }
}
