//! The server as a whole: it opens everything that it needs, runs the threads, and sums up.

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

/// Maximum timeout: half of the range of a connection's clock, which wraps.
const MAX_TIMEOUT_MS: u64 = 1 << 31;

/// Number of descriptors kept free for the standard streams, the signal handler, and the program around
/// the server.
const RESERVED_DESCRIPTORS: u64 = 16;

/// Number of descriptors of a thread: its poller and its waker.
const DESCRIPTORS_PER_THREAD: u64 = 2;

/// A server that listens, and does not serve yet: new connections wait in the listen backlog.
pub struct Server {
    config: Config,
    local_addr: SocketAddr,
    max_connections: u64,
    acceptor: AcceptorLoop<MioPoller, ListeningSocket, MioWaker>,
    /// The CPUs to which the workers are pinned, in rotation. `None`: they are not pinned.
    cpus: Option<Cpus>,
    workers: Vec<WorkerLoop<MioPoller, Socket, MioWaker, Records>>,
    handle: Handle,
    started: Instant,
}

/// Stops a server and reads its counters. It works from any thread.
#[derive(Clone)]
pub struct Handle {
    control: Arc<Control<MioWaker>>,
    workers: Arc<[Arc<SharedStats>]>,
}

/// What a server has done, after its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The sum of the counters of all workers.
    pub stats: Stats,
    /// The counters of each worker.
    pub workers: Vec<Stats>,
    /// The time from [`Server::bind`] to the end.
    pub duration: Duration,
}

impl Summary {
    /// Returns whether every connection that was open when the server stopped received all of its echo.
    /// Connections that the peer broke, or that the idle timeout had ended before, do not count.
    #[must_use]
    pub fn all_delivered(&self) -> bool {
        self.stats.cut == 0
    }
}

impl Handle {
    /// Asks the server to stop, and returns at once. The server accepts the connections that wait in the
    /// listen backlog, and no others. It echoes the bytes that have arrived, finishes every connection,
    /// and [`Server::run`] returns. A second call changes nothing.
    pub fn shutdown(&self) {
        self.control.stop();
    }

    /// Returns the sum of the counters of all workers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.worker_stats().into_iter().sum()
    }

    fn summary(&self, duration: Duration) -> Summary {
        let workers = self.worker_stats();
        Summary { stats: workers.iter().copied().sum(), workers, duration }
    }

    /// Returns the counters of each worker.
    #[must_use]
    pub fn worker_stats(&self) -> Vec<Stats> {
        self.workers.iter().map(|shared| shared.snapshot()).collect()
    }
}

impl Server {
    /// Listens, and opens everything else that the server needs.
    ///
    /// # Errors
    /// [`ServerError::Listen`] when the server cannot listen on the address, [`ServerError::Poll`] when
    /// the system is out of descriptors, [`ServerError::Pin`] when workers cannot be pinned.
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

    /// Returns the address of the listener, with the port that the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns a handle, which stops the server and reads its counters while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Logs the address. This is done by [`run`](Self::run), when the program is ready for a signal.
    fn announce(&self) {
        let Self { config, local_addr, max_connections, .. } = self;
        info!(
            "listening address={local_addr} workers={} framing={} max_line_length={} \
             max_connections={max_connections}",
            config.num_workers, config.framing, config.max_line_length
        );
    }

    /// Serves until [`Handle::shutdown`], then drains. While it serves, it logs the throughput.
    ///
    /// # Errors
    /// When a thread could not start, or could not go on. The connections of the other threads were
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
            // The acceptor waits while a worker uses the same CPU, so new connections come in batches.
            scheduling::wait_for_turn();
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

/// Keeps the current thread on a CPU. If the CPU went away since the start, the thread is not pinned.
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

/// Returns a timeout in milliseconds, rounded up. More than 24 days become 24 days, because a
/// connection's clock wraps.
fn millis(timeout: Duration) -> u64 {
    let rounded_up = timeout.as_nanos().div_ceil(1_000_000);
    u64::try_from(rounded_up).unwrap_or(u64::MAX).min(MAX_TIMEOUT_MS)
}

/// Returns the maximum number of open connections: the caller's, or the number for which the descriptors
/// suffice. If the caller's number is higher than that, a warning says so.
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
