//! A worker's turn: the connections it owns, which of them have something to do, and when the next
//! deadline is.
//!
//! Knows neither the event library nor channels nor the clock: [`crate::worker_loop`] brings events,
//! new connections and the time. Events only mark; the turn acts.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use log::{debug, warn};

use crate::close_reason::{Cause, CloseReason};
use crate::connection::{Check, Connection, Deadlines, Next, Workbench};
use crate::echo::Echo;
use crate::queue::{Selector, Wake};
use crate::records::Records;
use crate::slots::{Key, Slots};
use crate::stats::Stats;
use crate::stream::{Interest, Readiness, Stream};

/// Sweeps are at least this far apart: deadlines that are close together share one.
const MIN_SWEEP_INTERVAL_MS: u64 = 20;

/// What connections in bulk may move, in either direction, before the worker looks for events again:
/// the others are not to wait for more than one long turn.
const BULK_SHARE: u64 = 256 * 1024;

/// A connection on its way from the acceptor to a worker.
#[derive(Debug)]
pub(crate) struct Accepted<S> {
    pub(crate) stream: S,
    pub(crate) peer: SocketAddr,
    /// Counts the server's connections from 1.
    pub(crate) id: u64,
}

/// What every worker is told at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) echo: Echo,
    pub(crate) idle_timeout_ms: Option<u64>,
    pub(crate) linger_ms: u64,
    pub(crate) drain_timeout_ms: u64,
}

/// One worker's connections.
pub(crate) struct Worker<S> {
    connections: Slots<Connection<S>>,
    ready: Ready,
    deadlines: Deadlines,
    drain_timeout_ms: u64,
    /// No deadline is earlier. `None`: there is none.
    next_sweep_ms: Option<u64>,
    bench: Workbench,
}

impl<S: Stream> Worker<S> {
    pub(crate) fn new(rules: &Rules, records: Records) -> Self {
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
            bench: Workbench::new(rules.echo, records),
        }
    }

    /// The worker's counters.
    pub(crate) fn stats(&self) -> Stats {
        Stats { not_shown: self.bench.records.not_shown(), ..self.bench.stats }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn closed(&mut self) -> &mut Vec<crate::connection::Closed> {
        &mut self.bench.closed
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn buffers(&mut self) -> impl Iterator<Item = (usize, usize)> {
        self.connections.iter_mut().filter_map(|(_, connection)| connection.buffer())
    }

    /// A turn begins at `now_ms`, in milliseconds since the server started.
    pub(crate) fn start_turn(&mut self, now_ms: u64) {
        self.bench.now_ms = now_ms;
    }

    /// Notes what an event said about a connection; one that is gone is ignored.
    pub(crate) fn mark(&mut self, key: Key, readiness: Readiness) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.mark(readiness);
            self.ready.push(connection, key);
        }
    }

    /// Gives a turn to each connection that has something to do; of those in bulk only until they
    /// have moved [`BULK_SHARE`]. Those with more to do are at the back of their queue then.
    pub(crate) fn drive(&mut self, selector: &mut impl Selector<S>) {
        let bulk = self.ready.bulk.len();
        for _ in 0..self.ready.quick.len() {
            let Some(key) = self.ready.quick.pop_front() else { break };
            self.drive_one(key, true, selector);
        }
        if bulk > 0 {
            self.drive_bulk(bulk, selector);
        }
    }

    // On its own: there is mostly nothing in bulk.
    #[inline(never)]
    fn drive_bulk(&mut self, count: usize, selector: &mut impl Selector<S>) {
        let end = match self.is_draining() {
            // There may be no other turn.
            true => u64::MAX,
            false => self.bench.stats.moved() + BULK_SHARE,
        };
        for _ in 0..count {
            if self.bench.stats.moved() >= end {
                break;
            }
            let Some(key) = self.ready.bulk.pop_front() else { break };
            self.drive_one(key, true, selector);
        }
    }

    /// Takes over a connection.
    pub(crate) fn adopt(&mut self, accepted: Accepted<S>, selector: &mut impl Selector<S>) {
        let Accepted { stream, peer, id } = accepted;
        self.bench.stats.adopted += 1;
        let connection = Connection::new(stream, peer.into(), id, self.bench.now_ms);
        match self.connections.insert(connection) {
            Ok(key) => self.register(key, selector),
            Err(connection) => {
                warn!("worker full connections={} peer={peer}", self.connections.len());
                connection.close(CloseReason::Failed, &mut self.bench);
            }
        }
    }

    /// Begins to end every connection; none is adopted any more. [`is_empty`](Self::is_empty) is
    /// reached at the drain timeout at the latest.
    pub(crate) fn start_draining(&mut self) {
        let end_ms = self.bench.now_ms + self.drain_timeout_ms;
        self.deadlines.drain_end_ms = Some(end_ms);
        for (key, connection) in self.connections.iter_mut() {
            connection.end(Cause::Shutdown, self.bench.now_ms);
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
    pub(crate) fn sweep(&mut self, selector: &mut impl Selector<S>) {
        let now_ms = self.bench.now_ms;
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
            next_ms = earlier(next_ms, self.judge(key, selector));
        }
        self.schedule_sweep(next_ms.map(|at_ms| at_ms.max(now_ms + MIN_SWEEP_INTERVAL_MS)));
    }

    /// Ends a connection whose deadline has passed, unless it was this process that was late, because
    /// it was stopped or got no CPU: whatever has arrived by now counts. Returns its next deadline.
    fn judge(&mut self, key: Key, selector: &mut impl Selector<S>) -> Option<u64> {
        let now_ms = self.bench.now_ms;
        self.connections.get_mut(key)?.mark(Readiness { readable: true, drain: false });
        self.drive_one(key, false, selector);
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

    /// Drives a connection. Unless it is its turn, it stays in its queue if it is in one.
    fn drive_one(&mut self, key: Key, is_its_turn: bool, selector: &mut impl Selector<S>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if is_its_turn {
            connection.leave_queue();
        }
        let next = connection.drive(&mut self.bench);
        let is_ending = connection.is_ending();
        match next {
            Ok(Next::Turn) => self.ready.push(connection, key),
            Ok(Next::Wait) => {}
            Ok(Next::Watch(interest)) => {
                if let Err(error) = selector.reregister(connection.stream_mut(), key, interest) {
                    return self.close_unwatched(key, &error);
                }
            }
            Err(reason) => return self.close(key, reason),
        }
        if is_ending {
            self.schedule_check(key);
        }
    }

    fn register(&mut self, key: Key, selector: &mut impl Selector<S>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let watched = selector.register(connection.stream_mut(), key, Interest::Readable);
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
            connection.close(reason, &mut self.bench);
        }
    }

    /// Sweeps when this connection's deadline has come, at the latest.
    fn schedule_check(&mut self, key: Key) {
        let now_ms = self.bench.now_ms;
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

/// Connections with something to do, first come first served; but those whose turns are likely to
/// be long are in a queue of their own, so that the others do not wait for all of them.
#[derive(Debug, Default)]
struct Ready {
    quick: VecDeque<Key>,
    bulk: VecDeque<Key>,
}

impl Ready {
    /// Puts a connection at the back of its queue, unless it is in one.
    fn push<S: Stream>(&mut self, connection: &mut Connection<S>, key: Key) {
        if connection.queue() {
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::connection::TURN_BUDGET;
    use crate::counts::memory::{Memory, Peer};
    use crate::echo::Framing;

    /// Watches nothing, and remembers whom it was told of last.
    #[derive(Default)]
    struct NoEvents(Option<Key>);

    impl Selector<Memory> for NoEvents {
        fn register(&mut self, _: &mut Memory, key: Key, _: Interest) -> io::Result<()> {
            self.0 = Some(key);
            Ok(())
        }

        fn reregister(&mut self, _: &mut Memory, _: Key, _: Interest) -> io::Result<()> {
            Ok(())
        }
    }

    /// A worker, a connection that asks little, and three that never have enough.
    struct Neighbours {
        worker: Worker<Memory>,
        ping: (Peer, Key),
        floods: Vec<(Peer, Key)>,
    }

    impl Neighbours {
        fn new() -> Self {
            let line_length = NonZeroUsize::new(64 * 1024).unwrap();
            let rules = Rules {
                echo: Echo::new(Framing::Line, line_length),
                idle_timeout_ms: None,
                linger_ms: 1_000,
                drain_timeout_ms: 5_000,
            };
            let mut worker = Worker::new(&rules, Records::new(0, Framing::Line));
            let mut adopted = (0..4).map(|id| {
                let (peer, mut events) = (Peer::default(), NoEvents::default());
                let address = ([127, 0, 0, 1], 1).into();
                let accepted = Accepted { stream: peer.stream(), peer: address, id };
                worker.adopt(accepted, &mut events);
                (peer, events.0.unwrap())
            });
            let (ping, floods) = (adopted.next().unwrap(), adopted.by_ref().collect());
            drop(adopted);
            let mut neighbours = Self { worker, ping, floods };
            neighbours.flood(4 * TURN_BUDGET);
            // From now on it is known what they are.
            neighbours.drive();
            neighbours
        }

        /// Each of the floods sends so many bytes of lines.
        fn flood(&mut self, len: usize) {
            let lines = b"a line of a flood, of thirty-two\n".repeat(len.div_ceil(33));
            for (peer, key) in &self.floods {
                peer.uncounted_send(&lines);
                self.worker.mark(*key, Readiness { readable: true, drain: false });
            }
        }

        /// Returns how many bytes came in.
        fn drive(&mut self) -> usize {
            let before = self.worker.stats().received;
            self.worker.drive(&mut NoEvents::default());
            usize::try_from(self.worker.stats().received - before).unwrap()
        }

        fn ping(&mut self) {
            let (peer, key) = &self.ping;
            peer.uncounted_send(b"ping\n");
            self.worker.mark(*key, Readiness { readable: true, drain: false });
        }

        fn is_through(&self) -> bool {
            self.floods.iter().all(|(peer, _)| peer.uncounted_is_through())
        }
    }

    #[test]
    fn who_asks_little_waits_for_one_long_turn_at_most() {
        let mut neighbours = Neighbours::new();
        while !neighbours.is_through() {
            neighbours.ping();
            let received = neighbours.drive();
            assert!(neighbours.ping.0.uncounted_is_through());
            assert!((6..=TURN_BUDGET + 5).contains(&received), "{received} bytes in one go");
            assert_eq!(neighbours.worker.wake() == Wake::Never, neighbours.is_through());
        }
    }

    #[test]
    fn long_turns_come_in_turn() {
        let mut neighbours = Neighbours::new();
        let left = |neighbours: &Neighbours| -> Vec<usize> {
            neighbours.floods.iter().map(|(peer, _)| peer.uncounted_unread_len()).collect()
        };
        let before = left(&neighbours);
        (0..3).for_each(|_| _ = neighbours.drive());
        let took: Vec<usize> =
            before.iter().zip(left(&neighbours)).map(|(before, after)| before - after).collect();
        assert_eq!(took, [TURN_BUDGET; 3]);
    }

    #[test]
    fn who_asks_little_again_counts_as_such_again() {
        let mut neighbours = Neighbours::new();
        while !neighbours.is_through() {
            neighbours.drive();
        }
        // The last long turn was not the last of all.
        (0..2).for_each(|_| {
            neighbours.flood(33);
            (0..3).for_each(|_| _ = neighbours.drive());
        });
        neighbours.flood(33);
        assert_eq!(neighbours.drive(), 3 * 33);
    }

    #[test]
    fn who_is_judged_while_queued_is_queued_once() {
        let mut neighbours = Neighbours::new();
        let queued = |neighbours: &Neighbours| neighbours.worker.ready.bulk.len();
        assert_eq!(queued(&neighbours), 3);
        let key = neighbours.floods[0].1;
        neighbours.worker.judge(key, &mut NoEvents::default());
        assert_eq!(queued(&neighbours), 3);
    }

    #[test]
    fn when_the_server_stops_all_have_their_turn_at_once() {
        let mut neighbours = Neighbours::new();
        neighbours.worker.start_draining();
        assert_eq!(neighbours.drive(), 3 * TURN_BUDGET);
    }
}
