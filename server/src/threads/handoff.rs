//! How connections get from the acceptor to the workers, and how the acceptor learns that there is
//! room again or that it should stop.
//!
//! Two rules keep anything from being lost. A connection is sent before the wake-up that announces it, and
//! a woken receiver looks until nothing is left. A waiter says that it waits, then looks once more,
//! then sleeps; the other side changes something, then looks whether somebody waits.

use std::sync::Arc;

use super::sync::{
    AtomicBool, Ordering, Receiver, Sender, TryRecvError, TrySendError, bounded, fence,
};
use crate::seams::mailbox::{Accepted, Mailbox, Refused};
use crate::seams::poller::Waker;
use crate::stats::SharedStats;

/// The acceptor's end of one worker's mailbox. Dropping it tells the worker that no more connections
/// will come, after those that were sent.
pub(crate) struct Outbox<S, W: Waker> {
    /// `None` only while it is dropped.
    sender: Option<Sender<Accepted<S>>>,
    waker: Arc<W>,
    stats: Arc<SharedStats>,
}

/// The worker's end of its mailbox.
pub(crate) struct Inbox<S, W> {
    receiver: Receiver<Accepted<S>>,
    /// A wake-up is lost when its waker is dropped, so the thread that sleeps keeps the waker too.
    _waker: Arc<W>,
}

/// Makes a mailbox in which at most `capacity` connections wait. `waker` wakes the worker.
pub(crate) fn mailbox<S, W: Waker>(
    capacity: usize,
    waker: W,
    stats: Arc<SharedStats>,
) -> (Outbox<S, W>, Inbox<S, W>) {
    let (sender, receiver) = bounded(capacity);
    let waker = Arc::new(waker);
    let outbox = Outbox { sender: Some(sender), waker: Arc::clone(&waker), stats };
    (outbox, Inbox { receiver, _waker: waker })
}

impl<S, W: Waker> Mailbox<S> for Outbox<S, W> {
    fn try_send(&self, accepted: Accepted<S>) -> Result<(), Refused<S>> {
        match &self.sender {
            Some(sender) => sender.try_send(accepted).map_err(|error| match error {
                TrySendError::Full(accepted) => Refused::Full(accepted),
                TrySendError::Disconnected(accepted) => Refused::Gone(accepted),
            }),
            None => Err(Refused::Gone(accepted)),
        }
    }

    fn wake(&self) {
        self.waker.wake();
    }

    fn closed(&self) -> u64 {
        self.stats.closed()
    }
}

impl<S, W: Waker> Drop for Outbox<S, W> {
    fn drop(&mut self) {
        self.sender = None;
        self.waker.wake();
    }
}

/// What a worker finds in its inbox.
#[derive(Debug)]
pub(crate) enum Mail<S> {
    Adopt(Accepted<S>),
    /// Nothing at the moment. A wake-up will come with the next connection.
    Empty,
    /// The end of the channel: the server is stopping, and no more connections will come.
    Shutdown,
}

impl<S, W> Inbox<S, W> {
    /// Takes the next mail. The caller must go on until it is not [`Mail::Adopt`].
    pub(crate) fn take(&self) -> Mail<S> {
        match self.receiver.try_recv() {
            Ok(accepted) => Mail::Adopt(accepted),
            Err(TryRecvError::Empty) => Mail::Empty,
            Err(TryRecvError::Disconnected) => Mail::Shutdown,
        }
    }
}

/// What wakes the acceptor besides its listener: the stop, and room in a channel.
pub(crate) struct Control<W> {
    stopping: AtomicBool,
    room_wanted: AtomicBool,
    waker: W,
}

impl<W: Waker> Control<W> {
    /// Returns a control whose `waker` wakes the acceptor.
    pub(crate) fn new(waker: W) -> Self {
        Self { stopping: AtomicBool::new(false), room_wanted: AtomicBool::new(false), waker }
    }

    /// Asks the acceptor to stop; it then makes the workers stop.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Asks the workers to wake the acceptor when one has closed or adopted a connection. The acceptor
    /// must look for room once more after this call before it sleeps.
    pub(crate) fn want_room(&self) {
        self.room_wanted.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Wakes the acceptor if it wants room. A worker calls this after it has published that it closed
    /// or adopted a connection.
    pub(crate) fn announce_room(&self) {
        fence(Ordering::SeqCst);
        if self.room_wanted.load(Ordering::Relaxed)
            && self.room_wanted.swap(false, Ordering::SeqCst)
        {
            self.waker.wake();
        }
    }
}
