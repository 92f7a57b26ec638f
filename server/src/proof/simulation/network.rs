//! A network in memory that behaves as TCP behind an edge-triggered event queue does: an edge is
//! told once, and what is told is the state at the time of the telling. It has the only clock.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::rc::Rc;

use super::dice::Dice;
use super::setup::Setup;
use super::socket::Socket;
use crate::seams::journal::Closing;
use crate::seams::poller::Event;

/// The thread that accepts; the workers follow.
pub(super) const ACCEPTOR: usize = 0;

/// Connections keep times in 32 bits.
const CLOCK_WRAPS_MS: u64 = 1 << 32;

/// All sockets of one run, and what wakes its threads.
pub(super) struct Network {
    pub(super) now_ms: u64,
    pub(super) dice: Dice,
    pub(super) sockets: Vec<Socket>,
    /// Connections that wait to be accepted, by number.
    pub(super) backlog: VecDeque<usize>,
    /// Those that were accepted, in that order.
    pub(super) accepted: Vec<usize>,
    /// The account of each connection that has ended, and its number.
    pub(super) closed: Vec<(u64, Closing)>,
    pub(super) setup: Setup,
    /// Which threads' wakers were used. The listener's edge wakes the acceptor, too.
    woken: Vec<bool>,
    /// When the server was told to stop.
    pub(super) stopped_at_ms: Option<u64>,
    /// When the listener was closed.
    pub(super) listener_closed_at_ms: Option<u64>,
    /// An accept failed for want of something after that.
    pub(super) starved_at_stop: bool,
}

pub(super) type Shared = Rc<RefCell<Network>>;

impl Network {
    pub(super) fn new(mut dice: Dice, setup: Setup) -> Self {
        Self {
            now_ms: dice.pick(&[1, CLOCK_WRAPS_MS - 3_000]),
            dice,
            sockets: vec![],
            backlog: VecDeque::new(),
            accepted: vec![],
            closed: vec![],
            setup,
            woken: vec![false; 1 + setup.workers],
            stopped_at_ms: None,
            listener_closed_at_ms: None,
            starved_at_stop: false,
        }
    }

    pub(super) fn connect(&mut self, room: usize) {
        if self.listener_closed_at_ms.is_some() {
            return;
        }
        self.backlog.push_back(self.sockets.len());
        let min_room = self.dice.pick(&[1, 1, 8_000]);
        let mut socket = Socket::new(room, min_room, self.setup.limits.read_buffer_len);
        socket.is_late = self.stopped_at_ms.is_some();
        self.sockets.push(socket);
        self.woken[ACCEPTOR] = true;
    }

    pub(super) fn wake(&mut self, thread: usize) {
        self.woken[thread] = true;
    }

    /// The order to stop was given.
    pub(super) fn stop(&mut self) {
        self.stopped_at_ms = Some(self.now_ms);
        for socket in &mut self.sockets {
            socket.sent_at_stop = socket.sent.len();
        }
    }

    /// Accepts the next connection, or fails as a system may.
    pub(super) fn accept(&mut self) -> io::Result<usize> {
        let open = self.accepted.iter().filter(|&&number| self.sockets[number].is_open()).count();
        let fault = self.dice.chance(24).then(|| self.dice.below(3));
        let starves = open >= self.setup.max_descriptors || fault == Some(0);
        match (self.backlog.front(), fault) {
            (_, Some(1)) => Err(ErrorKind::Interrupted.into()),
            (None, _) => Err(ErrorKind::WouldBlock.into()),
            (Some(_), _) if starves => {
                self.starved_at_stop |= self.stopped_at_ms.is_some();
                Err(ErrorKind::OutOfMemory.into())
            }
            (Some(&number), fault) => {
                self.backlog.pop_front();
                self.sockets[number].moved_at_ms = self.now_ms;
                if fault.is_some() {
                    self.sockets[number].refuse();
                    self.sockets[number].was_aborted = true;
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                self.accepted.push(number);
                Ok(number)
            }
        }
    }

    /// The listener is gone: those that wait are refused.
    pub(super) fn close_listener(&mut self) {
        self.listener_closed_at_ms = Some(self.now_ms);
        for number in self.backlog.drain(..) {
            self.sockets[number].refuse();
        }
    }

    /// What a thread's event queue tells now: in any order, and maybe not all at once.
    pub(super) fn take_events(&mut self, thread: usize) -> Vec<Event> {
        let mut events = vec![];
        if std::mem::take(&mut self.woken[thread]) {
            events.push(Event::Woken);
        }
        let some_only = self.dice.chance(32);
        for socket in self.sockets.iter_mut().filter(|socket| socket.is_watched_by(thread)) {
            socket.turn_len = 0;
            if some_only && self.dice.chance(128) {
                continue;
            }
            events.extend(socket.take_event());
        }
        self.dice.shuffle(&mut events);
        events
    }

    /// Whether a thread has connections.
    pub(super) fn has_connections(&self, thread: usize) -> bool {
        self.sockets.iter().any(|socket| socket.is_watched_by(thread))
    }

    /// Whether an event waits to be told.
    pub(super) fn has_events(&self, thread: usize) -> bool {
        let has_edge = |socket: &Socket| socket.is_watched_by(thread) && socket.has_edge();
        self.woken[thread] || self.sockets.iter().any(has_edge)
    }
}
