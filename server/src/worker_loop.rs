//! A worker thread: waits for events and gives the worker its turns.
//!
//! Poll, mark, drive, mail, sweep: the turn itself is [`crate::worker`].

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll, Token, Waker};

use crate::handoff::{Control, Inbox, Mail};
use crate::records::Records;
use crate::slots::Key;
use crate::socket;
use crate::stats::SharedStats;
use crate::stream::Readiness;
use crate::worker::{Rules, Wake, Worker};

/// The waker's name; no connection's key has this number.
const WAKER: Token = Token(usize::MAX);

/// Events taken from the system at once: so many at first...
const MIN_EVENTS: usize = 256;

/// ...and twice as many whenever there were as many, up to this.
const MAX_EVENTS: usize = 4_096;

/// Connections adopted in one turn.
const MAX_MAIL: usize = 256;

/// What a worker thread is made of before it runs.
pub(crate) struct WorkerLoop {
    poll: Poll,
    inbox: Inbox,
    worker: Worker<TcpStream>,
    stats: Arc<SharedStats>,
    control: Arc<Control>,
    started: Instant,
}

/// The worker's waiting place, and the waker that reaches it.
pub(crate) fn poll() -> io::Result<(Poll, Waker)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    Ok((poll, waker))
}

impl WorkerLoop {
    /// `started` is the server's start, from which it counts time.
    pub(crate) fn new(
        poll: Poll,
        inbox: Inbox,
        rules: &Rules,
        records: Records,
        stats: Arc<SharedStats>,
        control: Arc<Control>,
        started: Instant,
    ) -> Self {
        let worker = Worker::new(rules, records);
        Self { poll, inbox, worker, stats, control, started }
    }

    /// Serves until the acceptor is gone and every connection has ended.
    ///
    /// # Errors
    /// When the system cannot tell about events any more; the connections are then closed.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(MIN_EVENTS);
        let mut has_mail = false;
        while !(self.worker.is_draining() && self.worker.is_empty()) {
            self.wait(&mut events, has_mail)?;
            self.worker.start_turn(elapsed_ms(self.started));
            let mut count = 0;
            for event in &events {
                count += 1;
                match event.token() {
                    WAKER => has_mail = true,
                    Token(number) => {
                        self.worker.mark(Key::from_number(number), Readiness::from(event));
                    }
                }
            }
            if count == events.capacity() && count < MAX_EVENTS {
                events = Events::with_capacity(2 * count);
            }
            self.worker.drive(&mut self.poll.registry());
            let adopted = self.worker.stats().adopted;
            if has_mail {
                has_mail = self.take_mail();
            }
            self.worker.sweep();
            self.publish(adopted);
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, has_mail: bool) -> io::Result<()> {
        let timeout = match self.worker.wake() {
            _ if has_mail => Some(Duration::ZERO),
            Wake::Now => Some(Duration::ZERO),
            Wake::At(at_ms) => {
                Some(Duration::from_millis(at_ms).saturating_sub(self.started.elapsed()))
            }
            Wake::Never => None,
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// Adopts what was sent; returns whether there may be more.
    fn take_mail(&mut self) -> bool {
        for _ in 0..MAX_MAIL {
            match self.inbox.take() {
                Mail::Adopt(accepted) => {
                    if let Err(error) = socket::prepare(&accepted.stream) {
                        log::debug!("prepare peer={} error=\"{error}\"", accepted.peer);
                    }
                    self.worker.adopt(accepted, &mut self.poll.registry());
                }
                Mail::Empty => return false,
                Mail::Shutdown => {
                    if !self.worker.is_draining() {
                        self.worker.start_draining();
                        // However short the drain timeout: what can be sent at once is sent.
                        self.worker.drive(&mut self.poll.registry());
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Shows the counters, and tells the acceptor if that means room.
    fn publish(&self, adopted_before: u64) {
        let stats = self.worker.stats();
        let made_room = stats.adopted != adopted_before || stats.closed != self.stats.closed();
        self.stats.publish(&stats);
        if made_room {
            self.control.announce_room();
        }
    }
}

/// Milliseconds since the server's start.
#[allow(clippy::cast_possible_truncation)] // 584 million years fit.
pub(crate) fn elapsed_ms(started: Instant) -> u64 {
    started.elapsed().as_millis() as u64
}
