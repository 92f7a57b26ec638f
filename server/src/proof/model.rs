//! The hand-off between the acceptor and the workers, as it ships, under the model checker loom. The
//! checker runs the loops of all threads in every order, up to a bound on preemptions, and with every
//! value that the memory model lets an atomic have.
//!
//! `cargo xtask loom` runs these cases. Timers never fire here, so every case must end by wake-ups
//! alone. A lost wake-up is a deadlock, and the checker reports it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use loom::model::Builder;
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::echo::{Echo, Framing};
use crate::limits::Limits;
use crate::records::Records;
use crate::seams::listener::Listener;
use crate::seams::poller::{Event, Key, Poller, Registry, Wake, Waker};
use crate::seams::stream::{Interest, Readiness, Stream};
use crate::stats::Stats;
use crate::threads::assemble::{AcceptorParts, Assembly, Plan, WorkerParts, assemble};
use crate::worker::Rules;

/// Maximum number of times that threads are preempted in one execution, unless
/// `LOOM_MAX_PREEMPTIONS` says otherwise.
const MAX_PREEMPTIONS: usize = 2;

/// Maximum number of steps in one execution, of all threads together.
const MAX_STEPS: usize = 10_000;

/// A bell that counts how often it was rung. A thread can wait for it.
#[derive(Default)]
struct Bell {
    rings: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rings.lock().unwrap() += 1;
        self.changed.notify_one();
    }

    /// Waits until the bell was rung `count` times, then sets it back to zero.
    fn wait(&self, count: u64) {
        let mut rings = self.rings.lock().unwrap();
        while *rings < count {
            rings = self.changed.wait(rings).unwrap();
        }
        *rings = 0;
    }

    /// Returns whether the bell was rung, and sets it back to zero.
    fn take(&self) -> bool {
        std::mem::take(&mut *self.rings.lock().unwrap()) > 0
    }
}

struct ModelWaker(Arc<Bell>);

impl Waker for ModelWaker {
    fn wake(&self) {
        self.0.ring();
    }
}

/// An event queue that reports each stream as ready once, as soon as the stream is registered.
struct ModelPoller {
    bell: Arc<Bell>,
    woken: bool,
    ready: VecDeque<Key>,
}

impl Poller for ModelPoller {
    fn now_ms(&self) -> u64 {
        0
    }

    fn wait(&mut self, wake: Wake) -> io::Result<()> {
        self.woken = match wake {
            Wake::Never | Wake::At(_) if self.ready.is_empty() => {
                self.bell.wait(1);
                true
            }
            Wake::Now | Wake::At(_) | Wake::Never => self.bell.take(),
        };
        Ok(())
    }

    fn events(&mut self) -> impl Iterator<Item = Event> {
        let readiness = Readiness { readable: true, read_until_blocked: true };
        let woken = std::mem::take(&mut self.woken).then_some(Event::Woken);
        woken.into_iter().chain(self.ready.drain(..).map(move |key| Event::Ready(key, readiness)))
    }
}

impl Registry<ModelStream> for ModelPoller {
    fn register(&mut self, _: &mut ModelStream, key: Key, _: Interest) -> io::Result<()> {
        self.ready.push_back(key);
        Ok(())
    }

    fn reregister(&mut self, _: &mut ModelStream, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }
}

/// The stream of a peer that has finished without sending anything. It rings the bell when it is
/// closed.
struct ModelStream(Arc<Bell>);

impl Drop for ModelStream {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl Read for ModelStream {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for ModelStream {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        unreachable!("the server owes nothing")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for ModelStream {
    fn finish(&self) -> io::Result<()> {
        Ok(())
    }

    fn acked_len(&self) -> Option<u64> {
        None
    }

    fn begin_end(&mut self) -> usize {
        0
    }
}

struct ModelListener {
    /// Number of connections that wait to be accepted.
    waiting: Cell<u64>,
    /// Rings once for each connection that is closed.
    closed: Arc<Bell>,
}

impl Listener for ModelListener {
    type Stream = ModelStream;

    fn accept(&self) -> io::Result<(ModelStream, SocketAddr)> {
        let left = self.waiting.get().checked_sub(1).ok_or(ErrorKind::WouldBlock)?;
        self.waiting.set(left);
        Ok((ModelStream(Arc::clone(&self.closed)), ([127, 0, 0, 1], 1).into()))
    }
}

/// When the server is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// At any moment.
    Anytime,
    /// Once all connections have been served.
    AtRest,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    workers: usize,
    channel_capacity: usize,
    max_connections: u64,
    connections: u64,
    stop: Stop,
}

impl Case {
    /// Checks in every order that each accepted connection is adopted and closed, and that every
    /// thread ends.
    fn check(self) {
        let mut builder = Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(MAX_PREEMPTIONS));
        builder.max_branches = MAX_STEPS;
        builder.check(move || self.execute());
    }

    /// Runs the server once, in the order that the checker has chosen.
    fn execute(self) {
        let (bell, closed) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        let acceptor = AcceptorParts {
            poller: poller(Arc::clone(&bell)),
            listener: ModelListener {
                waiting: Cell::new(self.connections),
                closed: Arc::clone(&closed),
            },
            waker: ModelWaker(bell),
        };
        let assembly = assemble(&self.plan(), acceptor, |number| {
            let bell = Arc::new(Bell::default());
            let (poller, waker) = (poller(Arc::clone(&bell)), ModelWaker(bell));
            let journal = Records::new(number, Framing::Line);
            Ok::<_, Infallible>(WorkerParts { poller, waker, journal })
        });
        let Ok(Assembly { acceptor, workers, control, stats }) = assembly;
        let mut threads: Vec<_> =
            workers.into_iter().map(|worker| thread::spawn(move || worker.run())).collect();
        threads.push(thread::spawn(move || acceptor.run()));
        if self.stop == Stop::AtRest {
            closed.wait(self.connections);
        }
        control.stop();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        let stats: Stats = stats.iter().map(|stats| stats.snapshot()).sum();
        assert_eq!(stats.adopted, stats.closed, "each adopted connection is closed");
        let all_are_served = self.stop == Stop::AtRest || self.max_connections >= self.connections;
        assert!(
            !all_are_served || stats.closed == self.connections,
            "a connection was not served: {stats:?} {self:?}"
        );
    }

    fn plan(self) -> Plan {
        Plan {
            num_workers: self.workers,
            channel_capacity: self.channel_capacity,
            max_connections: self.max_connections,
            backlog: self.connections,
            rules: Rules {
                echo: Echo::new(Framing::Line, NonZeroUsize::MIN),
                idle_timeout_ms: None,
                linger_ms: 1_000,
                drain_timeout_ms: 5_000,
                limits: Limits { read_buffer_len: 1, max_mail: 2, ..Limits::SHIPPED },
            },
        }
    }
}

fn poller(bell: Arc<Bell>) -> ModelPoller {
    ModelPoller { bell, woken: false, ready: VecDeque::new() }
}

/// One worker that has room for all connections.
const ROOMY: Case = Case {
    workers: 1,
    channel_capacity: 2,
    max_connections: 10,
    connections: 2,
    stop: Stop::AtRest,
};

#[test]
fn every_connection_is_served() {
    ROOMY.check();
}

#[test]
fn a_stop_at_any_moment_loses_no_connection() {
    Case { stop: Stop::Anytime, ..ROOMY }.check();
}

#[test]
fn a_full_channel_is_noticed_when_it_has_room_again() {
    Case { channel_capacity: 1, ..ROOMY }.check();
}

#[test]
fn a_stop_while_the_channel_is_full_loses_no_connection() {
    Case { channel_capacity: 1, stop: Stop::Anytime, ..ROOMY }.check();
}

#[test]
fn at_the_connection_limit_the_next_is_accepted_when_one_closes() {
    Case { max_connections: 1, ..ROOMY }.check();
}

#[test]
fn a_stop_at_the_connection_limit_ends_every_thread() {
    Case { max_connections: 1, stop: Stop::Anytime, ..ROOMY }.check();
}

#[test]
fn a_stop_at_any_moment_ends_two_workers() {
    Case { workers: 2, channel_capacity: 1, stop: Stop::Anytime, ..ROOMY }.check();
}
