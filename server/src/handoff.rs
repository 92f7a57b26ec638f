//! How connections get from the acceptor to the workers, and how the acceptor learns that there is
//! room again or that it should stop.
//!
//! Two rules keep anything from being lost. A message is sent before the wake that announces it, and
//! a woken receiver looks until nothing is left. A waiter says that it waits, then looks once more,
//! then sleeps; the other side changes something, then looks whether somebody waits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use log::error;
use mio::Waker;
use mio::net::{TcpListener, TcpStream};

use crate::acceptor::{Listener, Mailbox, Refused};
use crate::stats::SharedStats;
use crate::worker::Accepted;

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn accept(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self)
    }
}

/// The acceptor's end: sends connections to one worker. Dropping it tells the worker, after all that
/// was sent, that nothing more will come.
pub(crate) struct Outbox {
    /// `None` only while dropping.
    sender: Option<Sender<Accepted<TcpStream>>>,
    waker: Arc<Waker>,
    stats: Arc<SharedStats>,
}

/// The worker's end.
pub(crate) struct Inbox {
    receiver: Receiver<Accepted<TcpStream>>,
    /// A waker that is dropped takes its wake-up with it, so the one who sleeps keeps it too.
    _waker: Arc<Waker>,
}

/// A way to a worker that holds at most `capacity` connections. `waker` wakes the worker.
pub(crate) fn mailbox(capacity: usize, waker: Waker, stats: Arc<SharedStats>) -> (Outbox, Inbox) {
    let (sender, receiver) = bounded(capacity);
    let waker = Arc::new(waker);
    let outbox = Outbox { sender: Some(sender), waker: Arc::clone(&waker), stats };
    (outbox, Inbox { receiver, _waker: waker })
}

impl Mailbox<TcpStream> for Outbox {
    fn try_send(&self, accepted: Accepted<TcpStream>) -> Result<(), Refused<TcpStream>> {
        match &self.sender {
            Some(sender) => sender.try_send(accepted).map_err(|error| match error {
                TrySendError::Full(accepted) => Refused::Full(accepted),
                TrySendError::Disconnected(accepted) => Refused::Gone(accepted),
            }),
            None => Err(Refused::Gone(accepted)),
        }
    }

    fn wake(&self) {
        wake(&self.waker);
    }

    fn closed(&self) -> u64 {
        self.stats.closed()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.sender = None;
        self.wake();
    }
}

/// What a worker found in its mailbox.
#[derive(Debug)]
pub(crate) enum Mail {
    Adopt(Accepted<TcpStream>),
    /// Nothing now; a wake-up will tell.
    Empty,
    /// Nothing will ever come again: the server is stopping.
    Shutdown,
}

impl Inbox {
    /// Takes the next message. To be asked until it is not [`Mail::Adopt`].
    pub(crate) fn take(&self) -> Mail {
        match self.receiver.try_recv() {
            Ok(accepted) => Mail::Adopt(accepted),
            Err(TryRecvError::Empty) => Mail::Empty,
            Err(TryRecvError::Disconnected) => Mail::Shutdown,
        }
    }
}

/// What may wake the acceptor, besides its listener.
pub(crate) struct Control {
    stopping: AtomicBool,
    room_wanted: AtomicBool,
    waker: Waker,
}

impl Control {
    /// `waker` wakes the acceptor.
    pub(crate) fn new(waker: Waker) -> Self {
        Self { stopping: AtomicBool::new(false), room_wanted: AtomicBool::new(false), waker }
    }

    /// Asks the acceptor to stop; it then makes the workers stop.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        wake(&self.waker);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The acceptor wants to know when a worker has closed or taken over a connection. It looks once
    /// more after this call, and sleeps only if there is still no room.
    pub(crate) fn want_room(&self) {
        self.room_wanted.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// A worker has closed or taken over a connection, which is visible already.
    pub(crate) fn announce_room(&self) {
        fence(Ordering::SeqCst);
        if self.room_wanted.load(Ordering::Relaxed)
            && self.room_wanted.swap(false, Ordering::SeqCst)
        {
            wake(&self.waker);
        }
    }
}

fn wake(waker: &Waker) {
    // Can only fail when the system has no memory for an eight-byte counter.
    if let Err(error) = waker.wake() {
        error!("wake error=\"{error}\"");
    }
}
