//! The acceptor's turn: it takes connections from the listener and gives each to a worker.
//!
//! The acceptor knows neither the event library nor channels nor the clock:
//! [`crate::threads::acceptor_loop`] waits and brings the time. The acceptor never blocks, and drops an
//! accepted connection only when no worker is left.

mod balancer;
mod verdict;

use std::io;
use std::net::SocketAddr;

use log::{debug, error, info, warn};

use self::balancer::{Balancer, Candidate};
use self::verdict::{AcceptVerdict, Backoff};
use crate::records::allowance::Allowance;
use crate::seams::listener::Listener;
use crate::seams::mailbox::{Accepted, Mailbox, Refused};

/// Maximum number of connections accepted before their workers are woken.
const MAX_BATCH: usize = 64;

/// Maximum number of failed accepts in a row after which the acceptor tries again at once. After more
/// of them it pauses, because they may never end.
const MAX_RETRIES: u32 = 64;

/// Maximum number of log records a second about pauses and about the connection limit.
const MAX_PAUSE_RECORDS: u32 = 2;

/// What the acceptor waits for before its next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing: more connections may be waiting.
    No,
    /// An event from the listener.
    Connection,
    /// A worker that has closed or adopted a connection.
    Room,
    /// The same, but no longer than until this time, in milliseconds since the server started.
    RoomUntil(u64),
}

/// What became of an accepted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// A worker has it in its mailbox.
    Sent,
    /// Every mailbox is full: the acceptor holds it until one has room.
    Held,
    /// No worker is left: the connection is closed.
    Lost,
}

/// The acceptor's state between turns.
pub(crate) struct Acceptor<S, M> {
    mailboxes: Vec<M>,
    /// Whether each worker was sent a connection in this turn and is not woken yet.
    touched: Vec<bool>,
    balancer: Balancer,
    /// Working memory of [`deliver`](Self::deliver).
    candidates: Vec<Candidate>,
    /// A connection for which every mailbox was full. No other is accepted before it is sent.
    held: Option<Accepted<S>>,
    accepted: u64,
    max_connections: u64,
    retries: u32,
    backoff: Backoff,
    pause_records: Allowance,
    /// Whether the last record about the connection limit says that it is reached.
    limit_announced: bool,
}

impl<S, M: Mailbox<S>> Acceptor<S, M> {
    pub(crate) fn new(mailboxes: Vec<M>, max_connections: u64) -> Self {
        Self {
            touched: vec![false; mailboxes.len()],
            balancer: Balancer::new(mailboxes.len()),
            candidates: vec![Candidate::MayTake; mailboxes.len()],
            mailboxes,
            held: None,
            accepted: 0,
            max_connections,
            retries: 0,
            backoff: Backoff::new(),
            pause_records: Allowance::new(MAX_PAUSE_RECORDS),
            limit_announced: false,
        }
    }

    /// Returns the number of connections accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Returns whether a connection waits for room in a mailbox.
    pub(crate) fn holds_one(&self) -> bool {
        self.held.is_some()
    }

    /// Accepts a batch of connections and wakes the workers that got some.
    pub(crate) fn turn(&mut self, now_ms: u64, listener: &impl Listener<Stream = S>) -> Wait {
        let wait = self.accept_batch(now_ms, listener);
        for (mailbox, touched) in self.mailboxes.iter().zip(&mut self.touched) {
            if std::mem::take(touched) {
                mailbox.wake();
            }
        }
        if cfg!(debug_assertions) {
            self.invariants();
        }
        wait
    }

    /// Asserts what holds between two turns; debug builds check it after each: every worker that was
    /// sent a connection is woken, and no connection is sent or held that was not accepted.
    fn invariants(&self) {
        assert!(!self.touched.contains(&true), "a worker was sent a connection and not woken");
        let known = self.balancer.open(|_| 0) + u64::from(self.holds_one());
        assert!(known <= self.accepted, "{known} connections of {} accepted", self.accepted);
    }

    fn accept_batch(&mut self, now_ms: u64, listener: &impl Listener<Stream = S>) -> Wait {
        if let Some(held) = self.held.take()
            && self.deliver(held) == Delivery::Held
        {
            return Wait::Room;
        }
        for _ in 0..MAX_BATCH {
            if self.is_at_limit(now_ms) {
                return Wait::Room;
            }
            match listener.accept() {
                Ok((stream, peer)) => {
                    let accepted = self.welcome(now_ms, stream, peer);
                    if self.deliver(accepted) == Delivery::Held {
                        return Wait::Room;
                    }
                }
                Err(error) => match self.answer(&error) {
                    AcceptVerdict::NoneWaiting => return Wait::Connection,
                    AcceptVerdict::Retry => debug!("accept error=\"{error}\""),
                    AcceptVerdict::Pause => return self.pause(now_ms, &error),
                },
            }
        }
        Wait::No
    }

    fn welcome(&mut self, now_ms: u64, stream: S, peer: SocketAddr) -> Accepted<S> {
        if !self.backoff.is_fresh() && self.pause_records.take(now_ms) {
            info!("accepting again");
        }
        (self.backoff, self.retries) = (Backoff::new(), 0);
        self.accepted += 1;
        Accepted { stream, peer, id: self.accepted }
    }

    /// Sends a connection to the worker with the fewest connections among those with room.
    fn deliver(&mut self, mut accepted: Accepted<S>) -> Delivery {
        let Self { mailboxes, balancer, touched, candidates, .. } = self;
        let closed = |worker: usize| mailboxes[worker].closed();
        candidates.fill(Candidate::MayTake);
        while let Some(worker) = balancer.choose(closed, candidates) {
            accepted = match mailboxes[worker].try_send(accepted) {
                Ok(()) => {
                    balancer.assign(worker);
                    touched[worker] = true;
                    return Delivery::Sent;
                }
                Err(Refused::Full(accepted)) => {
                    candidates[worker] = Candidate::Full;
                    accepted
                }
                Err(Refused::Gone(accepted)) => {
                    candidates[worker] = Candidate::Gone;
                    accepted
                }
            };
        }
        if candidates.iter().all(|candidate| *candidate == Candidate::Gone) {
            error!("no worker left peer={}", accepted.peer);
            return Delivery::Lost;
        }
        self.held = Some(accepted);
        Delivery::Held
    }

    /// Returns whether the connection limit is reached, and logs it once. It is logged again only after
    /// more than a tenth of the connections, and more than one, had closed.
    fn is_at_limit(&mut self, now_ms: u64) -> bool {
        let max = self.max_connections;
        let open = self.balancer.open(|worker| self.mailboxes[worker].closed());
        if open >= max && !self.limit_announced && self.pause_records.take(now_ms) {
            self.limit_announced = true;
            warn!("connection limit reached max_connections={max}; others wait until one closes");
        } else if open + (max / 10).max(1) < max && self.limit_announced {
            self.limit_announced = false;
            info!("below the connection limit again max_connections={max} connections={open}");
        }
        open >= max
    }

    fn answer(&mut self, error: &io::Error) -> AcceptVerdict {
        match AcceptVerdict::from(error.kind()) {
            AcceptVerdict::Retry if self.retries == MAX_RETRIES => AcceptVerdict::Pause,
            AcceptVerdict::Retry => {
                self.retries += 1;
                AcceptVerdict::Retry
            }
            AcceptVerdict::NoneWaiting => {
                self.retries = 0;
                AcceptVerdict::NoneWaiting
            }
            AcceptVerdict::Pause => AcceptVerdict::Pause,
        }
    }

    fn pause(&mut self, now_ms: u64, error: &io::Error) -> Wait {
        if self.backoff.is_fresh() && self.pause_records.take(now_ms) {
            warn!("accept error=\"{error}\"; connections wait, trying again");
        }
        Wait::RoomUntil(now_ms + self.backoff.next_ms())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;

    use super::*;

    /// A listener that gives these answers, one for each call, and then has no connection.
    struct Script(RefCell<VecDeque<io::Result<u32>>>);

    impl Script {
        fn new(answers: impl IntoIterator<Item = io::Result<u32>>) -> Self {
            Self(RefCell::new(answers.into_iter().collect()))
        }

        fn sockets(count: u32) -> Self {
            Self::new((0..count).map(Ok))
        }

        fn left(&self) -> usize {
            self.0.borrow().len()
        }
    }

    impl Listener for Script {
        type Stream = u32;

        fn accept(&self) -> io::Result<(u32, SocketAddr)> {
            let nothing = || Err(io::ErrorKind::WouldBlock.into());
            let answer = self.0.borrow_mut().pop_front().unwrap_or_else(nothing);
            answer.map(|stream| (stream, ([127, 0, 0, 1], 1).into()))
        }
    }

    /// A worker that adopts connections only when the test calls [`take_over`](Self::take_over).
    #[derive(Default)]
    struct FakeWorker {
        capacity: Cell<usize>,
        waiting: RefCell<Vec<u32>>,
        adopted: RefCell<Vec<u32>>,
        closed: Cell<u64>,
        wakes: Cell<u32>,
        gone: Cell<bool>,
    }

    impl FakeWorker {
        fn take_over(&self) {
            self.adopted.borrow_mut().append(&mut self.waiting.borrow_mut());
        }
    }

    impl Mailbox<u32> for &FakeWorker {
        fn try_send(&self, accepted: Accepted<u32>) -> Result<(), Refused<u32>> {
            if self.gone.get() {
                return Err(Refused::Gone(accepted));
            }
            if self.waiting.borrow().len() >= self.capacity.get() {
                return Err(Refused::Full(accepted));
            }
            self.waiting.borrow_mut().push(accepted.stream);
            Ok(())
        }

        fn wake(&self) {
            self.wakes.set(self.wakes.get() + 1);
        }

        fn closed(&self) -> u64 {
            self.closed.get()
        }
    }

    fn workers<const N: usize>(capacity: usize) -> [FakeWorker; N] {
        std::array::from_fn(|_| FakeWorker { capacity: capacity.into(), ..FakeWorker::default() })
    }

    fn acceptor(workers: &[FakeWorker], max: u64) -> Acceptor<u32, &FakeWorker> {
        Acceptor::new(workers.iter().collect(), max)
    }

    fn errno(errno: i32) -> io::Result<u32> {
        Err(io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn a_batch_is_spread_and_each_worker_is_woken_once() {
        let (workers, listener) = (workers::<2>(100), Script::sockets(10));
        assert_eq!(acceptor(&workers, 1_000).turn(0, &listener), Wait::Connection);
        assert_eq!(*workers[0].waiting.borrow(), [0, 2, 4, 6, 8]);
        assert_eq!(*workers[1].waiting.borrow(), [1, 3, 5, 7, 9]);
        assert_eq!([workers[0].wakes.get(), workers[1].wakes.get()], [1, 1]);
    }

    #[test]
    fn a_long_queue_is_taken_in_batches() {
        let (workers, listener) = (workers::<1>(1_000), Script::sockets(100));
        let mut acceptor = acceptor(&workers, 1_000);
        assert_eq!(acceptor.turn(0, &listener), Wait::No);
        assert_eq!(workers[0].waiting.borrow().len(), MAX_BATCH);
        assert_eq!(acceptor.turn(0, &listener), Wait::Connection);
        assert_eq!((workers[0].waiting.borrow().len(), workers[0].wakes.get()), (100, 2));
    }

    #[test]
    fn when_all_channels_are_full_one_is_held_and_none_is_lost() {
        let (workers, listener) = (workers::<2>(1), Script::sockets(5));
        let mut acceptor = acceptor(&workers, 1_000);
        assert_eq!(acceptor.turn(0, &listener), Wait::Room);
        assert!(acceptor.holds_one());
        assert_eq!((listener.left(), acceptor.accepted()), (2, 3));
        assert_eq!(acceptor.turn(0, &listener), Wait::Room);
        assert_eq!(listener.left(), 2, "the acceptor takes no more while it holds one");
        workers[1].take_over();
        assert_eq!(acceptor.turn(0, &listener), Wait::Room);
        workers.iter().for_each(FakeWorker::take_over);
        assert_eq!(acceptor.turn(0, &listener), Wait::Connection);
        workers.iter().for_each(FakeWorker::take_over);
        let mut all = [workers[0].adopted.take(), workers[1].adopted.take()].concat();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn at_the_limit_nothing_is_accepted_until_one_closes() {
        let (workers, listener) = (workers::<2>(100), Script::sockets(5));
        let mut acceptor = acceptor(&workers, 3);
        assert_eq!(acceptor.turn(0, &listener), Wait::Room);
        assert_eq!((listener.left(), acceptor.holds_one()), (2, false));
        workers[0].closed.set(1);
        assert_eq!(acceptor.turn(0, &listener), Wait::Room);
        assert_eq!(listener.left(), 1);
    }

    #[test]
    fn a_worker_that_is_gone_gets_nothing() {
        let (workers, listener) = (workers::<2>(100), Script::sockets(4));
        workers[0].gone.set(true);
        assert_eq!(acceptor(&workers, 100).turn(0, &listener), Wait::Connection);
        assert_eq!(*workers[1].waiting.borrow(), [0, 1, 2, 3]);
    }

    #[cfg(unix)]
    #[test]
    fn out_of_descriptors_pauses_longer_and_longer_until_a_success() {
        let full = || errno(nix::libc::EMFILE);
        let listener = Script::new([full(), full(), full(), Ok(7), full()]);
        let workers = workers::<1>(100);
        let mut acceptor = acceptor(&workers, 100);
        let waits: Vec<Wait> = (0..4).map(|_| acceptor.turn(1_000, &listener)).collect();
        assert_eq!(waits, [1_005, 1_010, 1_020, 1_005].map(Wait::RoomUntil));
        assert_eq!((listener.left(), &*workers[0].waiting.borrow()), (0, &vec![7]));
    }

    #[cfg(unix)]
    #[test]
    fn a_connection_that_went_away_in_the_queue_does_not_hold_up_the_next() {
        let listener =
            Script::new([errno(nix::libc::ECONNABORTED), errno(nix::libc::EINTR), Ok(7)]);
        let workers = workers::<1>(100);
        assert_eq!(acceptor(&workers, 100).turn(0, &listener), Wait::Connection);
        assert_eq!(*workers[0].waiting.borrow(), [7]);
    }

    #[cfg(unix)]
    #[test]
    fn an_error_that_does_not_end_is_not_retried_for_ever() {
        let listener = Script::new((0..1_000).map(|_| errno(nix::libc::ECONNABORTED)));
        let workers = workers::<1>(100);
        let mut acceptor = acceptor(&workers, 100);
        assert_eq!(acceptor.turn(0, &listener), Wait::No);
        assert_eq!(acceptor.turn(0, &listener), Wait::RoomUntil(5));
        assert_eq!(listener.left(), 1_000 - MAX_RETRIES as usize - 1);
    }
}
