//! A network in memory that behaves like TCP behind an edge-triggered event queue. The queue reports
//! each edge once, and the event shows the state at the time of the report. The network also has the
//! only clock of the run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::rc::Rc;

use super::dice::Dice;
use super::setup::Setup;
use super::socket::Socket;
use crate::seams::journal::Closing;
use crate::seams::poller::Event;

/// Number of the acceptor's thread. The workers have the numbers that follow.
pub(super) const ACCEPTOR: usize = 0;

/// Connections keep times in 32 bits, so their clock wraps here.
const CLOCK_WRAPS_MS: u64 = 1 << 32;

/// What may go wrong with an accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AcceptFault {
    OutOfMemory,
    Interrupted,
    /// The connection broke while it waited.
    Aborted,
}

/// All sockets of one run, and what wakes its threads.
pub(super) struct Network {
    pub(super) now_ms: u64,
    pub(super) dice: Dice,
    pub(super) sockets: Vec<Socket>,
    /// Numbers of the sockets that wait to be accepted.
    pub(super) backlog: VecDeque<usize>,
    /// Numbers of the sockets that were accepted, in that order.
    pub(super) accepted: Vec<usize>,
    /// The identifier and the account of each connection that has ended.
    pub(super) closings: Vec<(u64, Closing)>,
    pub(super) setup: Setup,
    /// Whether each thread has been woken. A new connection wakes the acceptor.
    woken: Vec<bool>,
    /// When the server was asked to stop.
    pub(super) stopped_at_ms: Option<u64>,
    /// When the listener was closed.
    pub(super) listener_closed_at_ms: Option<u64>,
    /// After the server was asked to stop, an accept failed for lack of descriptors or memory.
    pub(super) accept_failed_after_stop: bool,
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
            closings: vec![],
            setup,
            woken: vec![false; 1 + setup.workers],
            stopped_at_ms: None,
            listener_closed_at_ms: None,
            accept_failed_after_stop: false,
        }
    }

    /// Returns the sockets of the accepted connections, in the order in which they were accepted.
    pub(super) fn accepted_sockets(&self) -> impl Iterator<Item = &Socket> {
        self.accepted.iter().map(|&number| &self.sockets[number])
    }

    /// Adds a connection to the backlog, unless the listener is closed.
    pub(super) fn connect(&mut self, room: usize) {
        if self.listener_closed_at_ms.is_some() {
            return;
        }
        self.backlog.push_back(self.sockets.len());
        let min_room = self.dice.pick(&[1, 1, 8_000]);
        let mut socket = Socket::new(room, min_room, self.setup.limits.read_buffer_len);
        socket.came_after_stop = self.stopped_at_ms.is_some();
        self.sockets.push(socket);
        self.woken[ACCEPTOR] = true;
    }

    pub(super) fn wake(&mut self, thread: usize) {
        self.woken[thread] = true;
    }

    /// Notes that the server is asked to stop.
    pub(super) fn stop(&mut self) {
        self.stopped_at_ms = Some(self.now_ms);
        for socket in &mut self.sockets {
            socket.input_len_at_stop = socket.input.len();
        }
    }

    /// Accepts the next connection, or fails in a way in which a real system may fail.
    pub(super) fn accept(&mut self) -> io::Result<usize> {
        use AcceptFault::{Aborted, Interrupted, OutOfMemory};
        let open = self.accepted_sockets().filter(|socket| socket.is_open()).count();
        let is_faulty = self.dice.chance(24);
        let fault = is_faulty.then(|| self.dice.pick(&[OutOfMemory, Interrupted, Aborted]));
        let lacks_resources = open >= self.setup.max_descriptors || fault == Some(OutOfMemory);
        match (self.backlog.front(), fault) {
            (_, Some(Interrupted)) => Err(ErrorKind::Interrupted.into()),
            (None, _) => Err(ErrorKind::WouldBlock.into()),
            (Some(_), _) if lacks_resources => {
                self.accept_failed_after_stop |= self.stopped_at_ms.is_some();
                Err(ErrorKind::OutOfMemory.into())
            }
            (Some(&number), fault) => {
                self.backlog.pop_front();
                self.sockets[number].moved_at_ms = self.now_ms;
                if fault == Some(Aborted) {
                    self.sockets[number].refuse();
                    self.sockets[number].was_aborted = true;
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                self.accepted.push(number);
                Ok(number)
            }
        }
    }

    /// Closes the listener and refuses the connections that still wait.
    pub(super) fn close_listener(&mut self) {
        self.listener_closed_at_ms = Some(self.now_ms);
        for number in self.backlog.drain(..) {
            self.sockets[number].refuse();
        }
    }

    /// Returns what a thread's event queue reports now: the events in any order, and sometimes only
    /// some of them. Begins a new turn for the connections of the thread.
    pub(super) fn take_events(&mut self, thread: usize) -> Vec<Event> {
        let mut events = vec![];
        if std::mem::take(&mut self.woken[thread]) {
            events.push(Event::Woken);
        }
        let is_incomplete = self.dice.chance(32);
        for socket in self.sockets.iter_mut().filter(|socket| socket.is_watched_by(thread)) {
            socket.turn_read_len = 0;
            if is_incomplete && self.dice.chance(128) {
                continue;
            }
            events.extend(socket.take_event());
        }
        self.dice.shuffle(&mut events);
        events
    }

    /// Returns whether a thread has connections.
    pub(super) fn has_connections(&self, thread: usize) -> bool {
        self.sockets.iter().any(|socket| socket.is_watched_by(thread))
    }

    /// Returns whether an event of this thread waits to be reported.
    pub(super) fn has_events(&self, thread: usize) -> bool {
        let has_edge = |socket: &Socket| socket.is_watched_by(thread) && socket.has_edge();
        self.woken[thread] || self.sockets.iter().any(has_edge)
    }
}
