//! The server as a whole: everything that can fail, then the threads, then the sum.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use echo_common::cpus::{self, Cpus};
use echo_common::descriptors;
use log::{info, warn};

use crate::config::Config;
use crate::echo::Echo;
use crate::error::ServerError;
use crate::limits::Limits;
use crate::records::Records;
use crate::stats::{SharedStats, Stats};
use crate::system::mio_poller::{MioPoller, MioWaker};
use crate::system::scheduling;
use crate::system::socket::{self, ListeningSocket, Socket};
use crate::threads::acceptor_loop::AcceptorLoop;
use crate::threads::assemble::{AcceptorParts, Assembly, Plan, WorkerParts, assemble};
use crate::threads::crew::{self, Job};
use crate::threads::handoff::Control;
use crate::threads::report::Reporter;
use crate::threads::worker_loop::WorkerLoop;
use crate::worker::Rules;

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
    acceptor: AcceptorLoop<MioPoller, ListeningSocket, MioWaker>,
    /// The CPUs of the workers, in turn; `None`: any.
    cpus: Option<Cpus>,
    workers: Vec<WorkerLoop<MioPoller, Socket, MioWaker, Records>>,
    handle: Handle,
    started: Instant,
}

/// Stops a server and reads its counters, from any thread.
#[derive(Clone)]
pub struct Handle {
    control: Arc<Control<MioWaker>>,
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
        let cpus = config.pin_workers.then(cpus::allowed).transpose().map_err(ServerError::Pin)?;
        let (poller, waker) = MioPoller::new(started, None).map_err(ServerError::Poll)?;
        poller.watch(&mut listener).map_err(ServerError::Poll)?;
        let plan = plan(&config);
        let Assembly { acceptor, workers, control, stats } =
            assemble(&plan, AcceptorParts { poller, listener, waker }, |number| {
                let (poller, waker) = MioPoller::new(started, config.busy_poll)?;
                Ok(WorkerParts { poller, waker, journal: Records::new(number, config.framing) })
            })
            .map_err(ServerError::Poll)?;
        let handle = Handle { control, workers: stats.into() };
        let max_connections = plan.max_connections;
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
        let mut jobs = vec![];
        let mut cpus = cpus.iter().flat_map(Cpus::numbers).copied().map(Cpus::one).cycle();
        for (number, worker) in workers.into_iter().enumerate() {
            let cpu = cpus.next();
            let work = move || {
                pin(cpu.as_ref());
                worker.run()
            };
            jobs.push(Job { thread: format!("worker-{number}"), work: Box::new(work) });
        }
        let work = move || {
            // New connections come in batches while a worker is busy on the same CPU.
            scheduling::give_way();
            acceptor.run()
        };
        jobs.push(Job { thread: "acceptor".to_owned(), work: Box::new(work) });
        crew::run(jobs, &handle.control, |ended| {
            if let Some(interval) = config.report_interval {
                Reporter::new(started).run(interval, ended, || handle.stats());
            }
        })?;
        Ok(handle.summary(started.elapsed()))
    }
}

/// Keeps the current thread on a CPU. One that went away since the start is no reason to stop.
fn pin(cpu: Option<&Cpus>) {
    if let Some(Err(error)) = cpu.map(cpus::pin_current_thread) {
        warn!("{error}");
    }
}

fn plan(config: &Config) -> Plan {
    Plan {
        num_workers: config.num_workers.get(),
        channel_capacity: config.channel_capacity.get(),
        max_connections: max_connections(config),
        // Linux queues one more than it is asked to.
        backlog: u64::from(config.backlog.get()) + 1,
        rules: Rules {
            echo: Echo::new(config.framing, config.max_line_length),
            idle_timeout_ms: config.idle_timeout.map(millis),
            linger_ms: millis(LINGER),
            drain_timeout_ms: millis(config.drain_timeout),
            limits: Limits::SHIPPED,
        },
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
}
