//! The server as a whole: everything that can fail, then the threads, then the sum.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use echo_common::cpus::{self, Cpus};
use echo_common::descriptors;
use log::{info, warn};
use mio::Waker;
use mio::net::TcpListener;

use crate::acceptor::Acceptor;
use crate::acceptor_loop::AcceptorLoop;
use crate::config::Config;
use crate::echo::Echo;
use crate::error::ServerError;
use crate::handoff::{Control, mailbox};
use crate::mio_queue::MioQueue;
use crate::records::Records;
use crate::report::Reporter;
use crate::scheduling;
use crate::socket::{self, Socket};
use crate::stats::{SharedStats, Stats};
use crate::worker::{Rules, Worker};
use crate::worker_loop::WorkerLoop;

/// How long the server waits for a peer's end of stream after it has finished its own side.
const LINGER: Duration = Duration::from_secs(1);

/// Timeouts are cut to this: half of what a connection's clock can tell apart.
const MAX_TIMEOUT_MS: u64 = 1 << 31;

/// Descriptors kept free for the standard streams, the signal handler and whatever the program
/// around the server opens.
const RESERVED_DESCRIPTORS: u64 = 16;

/// Descriptors of a thread with an event queue: the queue and its waker.
const DESCRIPTORS_PER_THREAD: u64 = 2;

/// A server that listens and does not serve yet: connections wait in the system's queue.
pub struct Server {
    config: Config,
    local_addr: SocketAddr,
    max_connections: u64,
    acceptor: AcceptorLoop<MioQueue, TcpListener, Waker>,
    /// The CPUs of the workers, in turn; `None`: any.
    cpus: Option<Cpus>,
    workers: Vec<WorkerLoop<MioQueue, Socket, Waker>>,
    handle: Handle,
    started: Instant,
}

/// Stops a server and reads its counters, from any thread.
#[derive(Clone)]
pub struct Handle {
    control: Arc<Control<Waker>>,
    workers: Arc<[Arc<SharedStats>]>,
}

/// What a server did, once it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The sum over all workers.
    pub stats: Stats,
    /// Each worker's own counters.
    pub workers: Vec<Stats>,
    /// From [`Server::bind`] to the end.
    pub duration: Duration,
}

impl Summary {
    /// Whether every connection that was open when the server stopped got back all it was owed,
    /// unless the peer broke it. One that was given up before, by the idle timeout, does not count.
    #[must_use]
    pub fn all_delivered(&self) -> bool {
        self.stats.cut == 0
    }
}

impl Handle {
    /// Asks the server to stop: it accepts no more, echoes whatever has arrived, finishes every
    /// connection, and [`Server::run`] returns. Returns at once; more calls change nothing.
    pub fn shutdown(&self) {
        self.control.stop();
    }

    /// The counters of all workers together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.worker_stats().into_iter().sum()
    }

    fn summary(&self, duration: Duration) -> Summary {
        let workers = self.worker_stats();
        Summary { stats: workers.iter().copied().sum(), workers, duration }
    }

    /// Each worker's counters.
    #[must_use]
    pub fn worker_stats(&self) -> Vec<Stats> {
        self.workers.iter().map(|shared| shared.snapshot()).collect()
    }
}

impl Server {
    /// Listens, and gets everything ready that can fail.
    ///
    /// # Errors
    /// [`ServerError::Listen`] when the address cannot be listened on, [`ServerError::Poll`] when
    /// the system is out of descriptors, [`ServerError::Pin`] where workers cannot be pinned.
    pub fn bind(config: Config) -> Result<Self, ServerError> {
        let started = Instant::now();
        let Config { address, .. } = config;
        let listen_error = |source| ServerError::Listen { address, source };
        let mut listener =
            socket::listen(address, config.backlog.get().into()).map_err(listen_error)?;
        let local_addr = listener.local_addr().map_err(listen_error)?;
        let (queue, waker) = MioQueue::new(started, None).map_err(ServerError::Poll)?;
        queue.watch(&mut listener).map_err(ServerError::Poll)?;
        let control = Arc::new(Control::new(waker));

        let cpus = config.pin_workers.then(cpus::allowed).transpose().map_err(ServerError::Pin)?;

        let rules = rules(&config);
        let (mut workers, mut outboxes, mut stats) = (vec![], vec![], vec![]);
        for number in 0..config.num_workers.get() {
            let (queue, waker) =
                MioQueue::new(started, config.busy_poll).map_err(ServerError::Poll)?;
            let shared = Arc::new(SharedStats::default());
            let capacity = config.channel_capacity.get();
            let (outbox, inbox) = mailbox(capacity, waker, Arc::clone(&shared));
            let worker = Worker::new(&rules, Records::new(number, config.framing));
            workers.push(WorkerLoop::new(
                queue,
                inbox,
                worker,
                Arc::clone(&shared),
                Arc::clone(&control),
            ));
            outboxes.push(outbox);
            stats.push(shared);
        }

        let max_connections = max_connections(&config);
        let acceptor = AcceptorLoop::new(
            queue,
            listener,
            Acceptor::new(outboxes, max_connections),
            Arc::clone(&control),
            // Linux queues one more than it is asked to.
            u64::from(config.backlog.get()) + 1,
            rules.drain_timeout_ms,
        );
        let handle = Handle { control, workers: stats.into() };
        Ok(Self { config, local_addr, max_connections, acceptor, cpus, workers, handle, started })
    }

    /// The address the server really has: with the port that the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops the server and reads its counters, also while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Logged by [`run`](Self::run): by then the program is ready for a signal.
    fn announce(&self) {
        let Self { config, local_addr, max_connections, .. } = self;
        info!(
            "listening address={local_addr} workers={} framing={} max_line_length={} \
             max_connections={max_connections}",
            config.num_workers, config.framing, config.max_line_length
        );
    }

    /// Serves until [`Handle::shutdown`], and drains. Logs the throughput meanwhile.
    ///
    /// # Errors
    /// When a thread could not start, or could not go on. The connections of the others were
    /// drained.
    pub fn run(self) -> Result<Summary, ServerError> {
        self.announce();
        let Self { config, acceptor, cpus, workers, handle, started, .. } = self;
        let mut jobs: Vec<(String, Job)> = vec![];
        let mut cpus = cpus.iter().flat_map(Cpus::numbers).copied().map(Cpus::one).cycle();
        for (number, worker) in workers.into_iter().enumerate() {
            let cpu = cpus.next();
            let job = move || {
                pin(cpu.as_ref());
                worker.run()
            };
            jobs.push((format!("worker-{number}"), Box::new(job)));
        }
        let job = move || {
            // New connections come in batches while a worker is busy on the same CPU.
            scheduling::wait_for_turn();
            acceptor.run()
        };
        jobs.push(("acceptor".to_owned(), Box::new(job)));
        let failure = thread::scope(|scope| {
            let (alive, all_ended) = bounded(0);
            let (running, failure) = spawn(scope, jobs, &handle, alive);
            if let Some(interval) = config.report_interval {
                Reporter::new(started).run(interval, &all_ended, || handle.stats());
            }
            let failures: Vec<ServerError> = running.into_iter().filter_map(join).collect();
            failure.or(failures.into_iter().next())
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(handle.summary(started.elapsed())),
        }
    }
}

/// Keeps the current thread on a CPU. One that went away since the start is no reason to stop.
fn pin(cpu: Option<&Cpus>) {
    if let Some(Err(error)) = cpu.map(cpus::pin_current_thread) {
        warn!("{error}");
    }
}

/// What a thread does.
type Job = Box<dyn FnOnce() -> io::Result<()> + Send>;

type RunningThread<'scope> = (String, ScopedJoinHandle<'scope, io::Result<()>>);

/// Held by each thread. Threads end only when the server stops, so one that ends for any other
/// reason, a panic included, makes the others drain and end too.
struct Alive {
    handle: Handle,
    _all_ended: Sender<()>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// Starts the threads. At a failure the jobs that are left are dropped: without the acceptor's end
/// of their channels, the workers that run already end.
fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: Vec<(String, Job)>,
    handle: &Handle,
    all_ended: Sender<()>,
) -> (Vec<RunningThread<'scope>>, Option<ServerError>) {
    let mut running = vec![];
    for (name, job) in jobs {
        let alive = Alive { handle: handle.clone(), _all_ended: all_ended.clone() };
        let thread = thread::Builder::new().name(name.clone()).spawn_scoped(scope, move || {
            let _alive = alive;
            job()
        });
        match thread {
            Ok(thread) => running.push((name, thread)),
            Err(source) => return (running, Some(ServerError::Spawn { thread: name, source })),
        }
    }
    (running, None)
}

fn join((thread, running): RunningThread<'_>) -> Option<ServerError> {
    match running.join() {
        Ok(Ok(())) => None,
        Ok(Err(source)) => Some(ServerError::Run { thread, source }),
        Err(_panic) => Some(ServerError::Panic { thread }),
    }
}

fn rules(config: &Config) -> Rules {
    Rules {
        echo: Echo::new(config.framing, config.max_line_length),
        idle_timeout_ms: config.idle_timeout.map(millis),
        linger_ms: millis(LINGER),
        drain_timeout_ms: millis(config.drain_timeout),
    }
}

/// A timeout in milliseconds, at least one unless it is zero. Those of more than 24 days are cut to
/// that: a connection's clock wraps.
fn millis(timeout: Duration) -> u64 {
    let rounded_up = timeout.as_nanos().div_ceil(1_000_000);
    u64::try_from(rounded_up).unwrap_or(u64::MAX).min(MAX_TIMEOUT_MS)
}

/// How many connections may be open: never so many that an accept would fail for want of a
/// descriptor, unless the caller insists.
fn max_connections(config: &Config) -> u64 {
    let threads = config.num_workers.get() as u64 + 1;
    let reserve = RESERVED_DESCRIPTORS + DESCRIPTORS_PER_THREAD * threads;
    let room = descriptors::limit().map_or(u64::MAX, |limit| limit.saturating_sub(reserve).max(1));
    match config.max_connections {
        None => room,
        Some(asked) => {
            if asked.get() > room {
                warn!("max_connections={asked} is more than the descriptor limit allows ({room})");
            }
            asked.get()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_round_up_to_milliseconds_and_stay_within_the_clock() {
        for (timeout, wanted) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_micros(1_001), 2),
            (Duration::from_secs(5), 5_000),
            (Duration::MAX, MAX_TIMEOUT_MS),
        ] {
            assert_eq!(millis(timeout), wanted, "{timeout:?}");
        }
    }

    #[test]
    fn a_worker_that_panics_ends_the_server_and_is_named() {
        let server =
            Server::bind(Config { address: ([127, 0, 0, 1], 0).into(), ..Config::default() });
        let handle = server.unwrap().handle();
        let failure = thread::scope(|scope| {
            let (alive, all_ended) = bounded(0);
            let panics: Job = Box::new(|| panic!("on purpose"));
            let jobs = vec![("worker-0".to_owned(), panics)];
            let (running, failure) = spawn(scope, jobs, &handle, alive);
            assert!(failure.is_none() && all_ended.recv().is_err());
            running.into_iter().find_map(join)
        });
        assert!(handle.control.is_stopping());
        assert_eq!(failure.unwrap().to_string(), "thread worker-0 panicked");
    }
}
