//! A worker thread: it waits for events and gives the worker its turns.
//!
//! This is the event loop: poll, mark, drive, mail, sweep. What each step does is in
//! [`crate::worker`].

use std::io;
use std::sync::Arc;

use super::handoff::{Control, Inbox, Mail};
use crate::seams::journal::Journal;
use crate::seams::poller::{Event, Poller, Registry, Wake, Waker};
use crate::seams::stream::Stream;
use crate::stats::SharedStats;
use crate::worker::Worker;

/// The parts of a worker thread.
pub(crate) struct WorkerLoop<P, S, W, J> {
    poller: P,
    inbox: Inbox<S, W>,
    /// Whether the inbox may hold more connections.
    has_mail: bool,
    worker: Worker<S, J>,
    stats: Arc<SharedStats>,
    control: Arc<Control<W>>,
}

impl<P: Poller + Registry<S>, S: Stream, W: Waker, J: Journal> WorkerLoop<P, S, W, J> {
    pub(crate) fn new(
        poller: P,
        inbox: Inbox<S, W>,
        worker: Worker<S, J>,
        stats: Arc<SharedStats>,
        control: Arc<Control<W>>,
    ) -> Self {
        Self { poller, inbox, has_mail: false, worker, stats, control }
    }

    /// Serves until the acceptor is gone and every connection has ended.
    ///
    /// # Errors
    /// When the poller fails. The connections are then closed.
    pub(crate) fn run(mut self) -> io::Result<()> {
        while let Some(wake) = self.turn() {
            self.poller.wait(wake)?;
        }
        Ok(())
    }

    /// Takes one turn. Returns when the next is due; `None` after the last.
    pub(crate) fn turn(&mut self) -> Option<Wake> {
        self.worker.start_turn(self.poller.now_ms());
        self.mark();
        self.worker.drive(&mut self.poller);
        self.take_mail();
        self.worker.sweep(&mut self.poller);
        self.publish();
        self.next_turn()
    }

    /// Marks each connection that has an event, and notes a wake-up.
    fn mark(&mut self) {
        for event in self.poller.events() {
            match event {
                Event::Woken => self.has_mail = true,
                Event::Ready(key, readiness) => self.worker.mark(key, readiness),
            }
        }
    }

    fn take_mail(&mut self) {
        if self.has_mail {
            self.has_mail = self.adopt();
        }
    }

    /// Adopts the connections in the inbox, up to a limit. Returns whether there may be more.
    fn adopt(&mut self) -> bool {
        for _ in 0..self.worker.limits().max_mail {
            match self.inbox.take() {
                Mail::Adopt(accepted) => self.worker.adopt(accepted, &mut self.poller),
                Mail::Empty => return false,
                Mail::Shutdown => {
                    if !self.worker.is_draining() {
                        self.worker.start_draining();
                        // Sends what can be sent at once, however short the drain timeout is.
                        self.worker.drive(&mut self.poller);
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Publishes the counters, and tells the acceptor if a connection was adopted or closed.
    fn publish(&self) {
        let stats = self.worker.stats();
        let made_room =
            (stats.adopted, stats.closed) != (self.stats.adopted(), self.stats.closed());
        self.stats.publish(&stats);
        if made_room {
            self.control.announce_room();
        }
    }

    /// Returns when the next turn is due; `None` when every connection has ended after the stop.
    fn next_turn(&self) -> Option<Wake> {
        if cfg!(debug_assertions) {
            self.worker.invariants();
        }
        match self.worker.wake() {
            _ if self.worker.is_draining() && self.worker.is_empty() => None,
            _ if self.has_mail => Some(Wake::Now),
            wake => Some(wake),
        }
    }
}
