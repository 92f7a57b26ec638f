//! A worker's turn: the connections it owns, which of them have something to do, and when the next
//! deadline is.
//!
//! Knows neither the event library nor channels nor the clock: [`crate::threads::worker_loop`] brings events,
//! new connections and the time. Events only mark; the turn acts.

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

/// Sweeps are at least this far apart: deadlines that are close together share one.
const MIN_SWEEP_INTERVAL_MS: u64 = 20;

/// For each so many turns of others the share is given once more: however many those are, connections in
/// bulk get on.
const TURNS_PER_SHARE: u64 = 64;

/// What every worker is told at the start.
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
    /// No deadline is earlier. `None`: there is none.
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

    /// The worker's counters.
    pub(crate) fn stats(&self) -> Stats {
        Stats { not_shown: self.cx.journal.not_shown(), ..self.cx.stats }
    }

    /// Asserts what holds of a worker between two turns. Debug builds check it after each.
    ///
    /// A connection that has something to do is in one of the queues, once; no other is in any.
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
        assert!(keys.iter().all(is_queued), "a connection in a queue does not know of it");
        let queued = self.connections.iter().filter(|connection| connection.is_queued()).count();
        assert_eq!(keys.len(), queued, "connections in queues, and that believe to be in one");
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.cx.limits
    }

    /// A turn begins at `now_ms`, in milliseconds since the server started.
    pub(crate) fn start_turn(&mut self, now_ms: u64) {
        self.cx.now_ms = now_ms;
    }

    /// Notes what an event said about a connection; one that is gone is ignored.
    pub(crate) fn mark(&mut self, key: Key, readiness: Readiness) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.mark(readiness);
            self.ready.push(connection, key);
        }
    }

    /// Gives a turn to each connection that has something to do; of those in bulk only until they
    /// have moved their share. Those with more to do are at the back of their queue then.
    pub(crate) fn drive(&mut self, registry: &mut impl Registry<S>) {
        let (quick, bulk) = (self.ready.quick.len(), self.ready.bulk.len());
        for _ in 0..quick {
            let Some(key) = self.ready.quick.pop_front() else { break };
            self.drive_one(key, Occasion::Turn, registry);
        }
        if bulk > 0 {
            let share =
                (1 + quick as u64 / TURNS_PER_SHARE).saturating_mul(self.cx.limits.bulk_share);
            // While draining there may be no other turn.
            let share = if self.is_draining() { u64::MAX } else { share };
            self.drive_bulk(bulk, share, registry);
        }
    }

    /// Gives a turn to at most `count` connections in bulk, until they have moved `share`.
    // On its own: there is mostly nothing in bulk.
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

    /// Takes over a connection.
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

    /// Begins to end every connection; none is adopted any more. [`is_empty`](Self::is_empty) is
    /// reached at the drain timeout at the latest.
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

    /// Looks at every connection's deadline, when the earliest has come.
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

    /// Ends a connection whose deadline has passed, unless it was this process that was late, because
    /// it was stopped or got no CPU: whatever has arrived by now counts. Returns its next deadline.
    fn judge(&mut self, key: Key, registry: &mut impl Registry<S>) -> Option<u64> {
        let now_ms = self.cx.now_ms;
        self.connections
            .get_mut(key)?
            .mark(Readiness { readable: true, read_until_blocked: false });
        self.drive_one(key, Occasion::Deadline, registry);
        let connection = self.connections.get_mut(key)?;
        match connection.check(now_ms, &self.deadlines) {
            Check::Fine(at_ms) => at_ms,
            // Its linger is a deadline from its next turn on.
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

    /// When the next turn is due.
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

    /// A connection about which no event would ever come is closed.
    fn close_unwatched(&mut self, key: Key, error: &io::Error) {
        warn!("watch connection error=\"{error}\"");
        self.close(key, CloseReason::Failed);
    }

    fn close(&mut self, key: Key, reason: CloseReason) {
        if let Some(connection) = self.connections.remove(key) {
            connection.close(reason, &mut self.cx);
        }
    }

    /// Sweeps when this connection's deadline has come, at the latest.
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

/// Why a connection is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// It was taken from its queue.
    Turn,
    /// Its deadline is to be judged. If it is in a queue it stays there.
    Deadline,
}

/// Connections with something to do, first come first served; but those whose turns are likely to
/// be long are in a queue of their own, so that the others do not wait for all of them.
#[derive(Debug, Default)]
struct Ready {
    quick: VecDeque<Key>,
    /// Their last turn was long.
    bulk: VecDeque<Key>,
}

impl Ready {
    /// Puts a connection at the back of its queue, unless it is in one.
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
