//! A worker's turn: which of its connections have something to do, and when the next deadline is.
//!
//! A worker knows neither the event library nor channels nor the clock:
//! [`crate::threads::worker_loop`] brings it events, new connections and the time. An event only marks
//! a connection; the turn acts on the mark.

pub(crate) mod slots;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;

use log::{debug, warn};

use self::slots::Slots;
use crate::connection::{Check, Connection, Deadlines, Next, WorkerContext};
use crate::echo::Echo;
use crate::limits::Limits;
use crate::seams::close_reason::{Cause, CloseReason};
use crate::seams::journal::Journal;
use crate::seams::mailbox::Accepted;
use crate::seams::poller::Key;
use crate::seams::poller::{Registry, Wake};
use crate::seams::stream::{Interest, Readiness, Stream};
use crate::stats::Stats;

/// Minimum time between two sweeps, so that deadlines that are close together share one.
const MIN_SWEEP_INTERVAL_MS: u64 = 20;

/// Bulk connections get one extra share for every this many ordinary turns, so that they make progress
/// however busy the others are.
const TURNS_PER_SHARE: u64 = 64;

/// The rules that all workers of a server follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) echo: Echo,
    pub(crate) idle_timeout_ms: Option<u64>,
    pub(crate) linger_ms: u64,
    pub(crate) drain_timeout_ms: u64,
    pub(crate) limits: Limits,
}

/// One worker's connections.
pub(crate) struct Worker<S, J> {
    connections: Slots<Connection<S>>,
    ready: Ready,
    deadlines: Deadlines,
    drain_timeout_ms: u64,
    /// When the next sweep is due: at most [`MIN_SWEEP_INTERVAL_MS`] after the earliest deadline. `None`:
    /// no connection has a deadline.
    next_sweep_ms: Option<u64>,
    cx: WorkerContext<J>,
}

impl<S: Stream, J: Journal> Worker<S, J> {
    pub(crate) fn new(rules: &Rules, journal: J) -> Self {
        Self {
            connections: Slots::new(),
            ready: Ready::default(),
            deadlines: Deadlines {
                idle_timeout_ms: rules.idle_timeout_ms,
                linger_ms: rules.linger_ms,
                drain_end_ms: None,
            },
            drain_timeout_ms: rules.drain_timeout_ms,
            next_sweep_ms: None,
            cx: WorkerContext::new(rules.echo, rules.limits, journal),
        }
    }

    /// Returns the worker's counters.
    pub(crate) fn stats(&self) -> Stats {
        Stats { not_shown: self.cx.journal.not_shown(), ..self.cx.stats }
    }

    /// Asserts what holds between two turns; debug builds check it after each. Above all, a connection
    /// is in one of the ready queues exactly once if it counts as queued, and in none otherwise.
    pub(crate) fn invariants(&self) {
        self.connections.invariants();
        self.cx.invariants();
        self.connections.iter().for_each(|connection| connection.invariants(&self.cx));
        let keys = self.ready.quick.iter().chain(&self.ready.bulk);
        let mut keys: Vec<Key> =
            keys.copied().filter(|key| self.connections.get(*key).is_some()).collect();
        keys.sort_unstable();
        assert!(keys.is_sorted_by(|one, next| one < next), "a connection is queued twice");
        let is_queued = |key: &Key| self.connections.get(*key).is_some_and(Connection::is_queued);
        assert!(keys.iter().all(is_queued), "a connection in a queue does not count as queued");
        let queued = self.connections.iter().filter(|connection| connection.is_queued()).count();
        assert_eq!(
            keys.len(),
            queued,
            "connections in queues, and connections that count as queued"
        );
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.cx.limits
    }

    /// Begins a turn at `now_ms`, in milliseconds since the server started.
    pub(crate) fn start_turn(&mut self, now_ms: u64) {
        self.cx.now_ms = now_ms;
    }

    /// Marks a connection with what an event said. The event is ignored if the connection is gone.
    pub(crate) fn mark(&mut self, key: Key, readiness: Readiness) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.mark(readiness);
            self.ready.push(connection, key);
        }
    }

    /// Gives a turn to each connection that has something to do. Bulk connections get turns only until
    /// they have moved their share. A connection that is not done goes to the back of its queue.
    pub(crate) fn drive(&mut self, registry: &mut impl Registry<S>) {
        let (quick, bulk) = (self.ready.quick.len(), self.ready.bulk.len());
        for _ in 0..quick {
            let Some(key) = self.ready.quick.pop_front() else { break };
            self.drive_one(key, Occasion::Turn, registry);
        }
        if bulk > 0 {
            let share =
                (1 + quick as u64 / TURNS_PER_SHARE).saturating_mul(self.cx.limits.bulk_share);
            // While the worker drains, this may be the only turn before the drain timeout.
            let share = if self.is_draining() { u64::MAX } else { share };
            self.drive_bulk(bulk, share, registry);
        }
    }

    /// Gives turns to at most `count` bulk connections, until they have moved `share` bytes.
    // Not inlined, because most turns have no bulk connection.
    #[inline(never)]
    fn drive_bulk(&mut self, count: usize, share: u64, registry: &mut impl Registry<S>) {
        let end = self.cx.moved.saturating_add(share);
        for _ in 0..count {
            if self.cx.moved >= end {
                break;
            }
            let Some(key) = self.ready.bulk.pop_front() else { break };
            self.drive_one(key, Occasion::Turn, registry);
        }
    }

    /// Takes over a connection from the acceptor.
    pub(crate) fn adopt(&mut self, accepted: Accepted<S>, registry: &mut impl Registry<S>) {
        let Accepted { stream, peer, id } = accepted;
        self.cx.stats.adopted += 1;
        let connection = Connection::new(stream, peer.into(), id, self.cx.now_ms);
        match self.connections.insert(connection) {
            Ok(key) => self.register(key, registry),
            Err(connection) => {
                warn!("worker full connections={} peer={peer}", self.connections.len());
                connection.close(CloseReason::Failed, &mut self.cx);
            }
        }
    }

    /// Starts the drain: every connection begins to end. No connection may be adopted after this call.
    /// The worker is [empty](Self::is_empty) soon after the drain timeout at the latest.
    pub(crate) fn start_draining(&mut self) {
        let end_ms = self.cx.now_ms + self.drain_timeout_ms;
        self.deadlines.drain_end_ms = Some(end_ms);
        for (key, connection) in self.connections.iter_mut() {
            connection.end(Cause::Shutdown, self.cx.now_ms);
            self.ready.push(connection, key);
        }
        self.schedule_sweep(Some(end_ms));
        debug!("draining connections={}", self.connections.len());
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.deadlines.drain_end_ms.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Checks the deadline of every connection, once the earliest has come.
    pub(crate) fn sweep(&mut self, registry: &mut impl Registry<S>) {
        let now_ms = self.cx.now_ms;
        if self.next_sweep_ms.is_none_or(|at_ms| now_ms < at_ms) {
            return;
        }
        self.next_sweep_ms = None;
        let mut next_ms = None;
        let mut late = Vec::new();
        for (key, connection) in self.connections.iter_mut() {
            match connection.check(now_ms, &self.deadlines) {
                Check::Fine(at_ms) => next_ms = earlier(next_ms, at_ms),
                Check::IsIdle | Check::Close(_) => late.push(key),
            }
        }
        for key in late {
            next_ms = earlier(next_ms, self.judge(key, registry));
        }
        self.schedule_sweep(next_ms.map(|at_ms| at_ms.max(now_ms + MIN_SWEEP_INTERVAL_MS)));
    }

    /// Ends a connection whose deadline has passed. First the connection gets a turn, because the server
    /// may be late: its process may have been stopped, or without a CPU, while bytes arrived. Returns
    /// the connection's next deadline.
    fn judge(&mut self, key: Key, registry: &mut impl Registry<S>) -> Option<u64> {
        let now_ms = self.cx.now_ms;
        self.connections
            .get_mut(key)?
            .mark(Readiness { readable: true, read_until_blocked: false });
        self.drive_one(key, Occasion::Deadline, registry);
        let connection = self.connections.get_mut(key)?;
        match connection.check(now_ms, &self.deadlines) {
            Check::Fine(at_ms) => at_ms,
            // The next turn schedules the sweep for the linger.
            Check::IsIdle => {
                connection.end(Cause::Idle, now_ms);
                self.ready.push(connection, key);
                None
            }
            Check::Close(reason) => {
                self.close(key, reason);
                None
            }
        }
    }

    /// Returns when the next turn is due.
    pub(crate) fn wake(&self) -> Wake {
        match self.next_sweep_ms {
            _ if !self.ready.is_empty() => Wake::Now,
            Some(at_ms) if !self.connections.is_empty() => Wake::At(at_ms),
            _ => Wake::Never,
        }
    }

    fn drive_one(&mut self, key: Key, occasion: Occasion, registry: &mut impl Registry<S>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if occasion == Occasion::Turn {
            connection.leave_queue();
        }
        let next = connection.drive(&mut self.cx);
        let is_ending = connection.is_ending();
        match next {
            Ok(Next::Turn) => self.ready.push(connection, key),
            Ok(Next::Wait) => {}
            Ok(Next::Watch(interest)) => {
                if let Err(error) = registry.reregister(connection.stream_mut(), key, interest) {
                    return self.close_unwatched(key, &error);
                }
            }
            Err(reason) => return self.close(key, reason),
        }
        if is_ending {
            self.schedule_check(key);
        }
    }

    fn register(&mut self, key: Key, registry: &mut impl Registry<S>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let watched = registry.register(connection.stream_mut(), key, Interest::Readable);
        self.schedule_check(key);
        if let Err(error) = watched {
            self.close_unwatched(key, &error);
        }
    }

    /// Closes a connection that the poller does not watch: no event would ever come for it.
    fn close_unwatched(&mut self, key: Key, error: &io::Error) {
        warn!("watch connection error=\"{error}\"");
        self.close(key, CloseReason::Failed);
    }

    fn close(&mut self, key: Key, reason: CloseReason) {
        if let Some(connection) = self.connections.remove(key) {
            connection.close(reason, &mut self.cx);
        }
    }

    /// Makes sure that a sweep comes no later than this connection's deadline.
    fn schedule_check(&mut self, key: Key) {
        let now_ms = self.cx.now_ms;
        let Some(connection) = self.connections.get_mut(key) else { return };
        match connection.check(now_ms, &self.deadlines) {
            Check::Fine(at_ms) => self.schedule_sweep(at_ms),
            Check::IsIdle | Check::Close(_) => self.schedule_sweep(Some(now_ms)),
        }
    }

    fn schedule_sweep(&mut self, at_ms: Option<u64>) {
        self.next_sweep_ms = earlier(self.next_sweep_ms, at_ms);
    }
}

/// Why a connection gets a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// The connection was taken from its ready queue.
    Turn,
    /// The deadline of the connection has passed. The connection stays in a ready queue if it is in one.
    Deadline,
}

/// The connections that have something to do, first come first served. Bulk connections wait in a queue
/// of their own, so that the others wait for a share and not for the whole queue.
#[derive(Debug, Default)]
struct Ready {
    quick: VecDeque<Key>,
    /// The bulk connections.
    bulk: VecDeque<Key>,
}

impl Ready {
    /// Puts a connection at the back of its queue, unless it is in one already.
    fn push<S: Stream>(&mut self, connection: &mut Connection<S>, key: Key) {
        if connection.enter_queue() {
            let queue = if connection.is_bulk() { &mut self.bulk } else { &mut self.quick };
            queue.push_back(key);
        }
    }

    fn is_empty(&self) -> bool {
        self.quick.is_empty() && self.bulk.is_empty()
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().min()
}
