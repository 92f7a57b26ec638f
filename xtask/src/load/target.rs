//! The server under load: the release binary, its use of resources, and its log at the end.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use echo_tests::peer::{connect, echo};
use echo_tests::proc_fs::{cpu_time, descriptors, is_stopped, resident_bytes, threads};
use echo_tests::process::ServerProcess;
use echo_tests::wait::{Over, wait_until};
use nix::sys::signal::Signal;

use super::account::{Stopped, complaints};
use super::mib::mib;

/// The line of the first connection. After it, all threads of the server have started.
const GREETING: &str = "hello\n";

/// The resources that the server uses at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Resident memory in bytes.
    pub(crate) resident: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// CPU time so far.
    pub(crate) cpu: Duration,
}

impl Sample {
    fn of(pid: u32) -> Self {
        Self {
            resident: resident_bytes(pid),
            descriptors: descriptors(pid).len(),
            threads: threads(pid).len(),
            cpu: cpu_time(pid),
        }
    }
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Target {
    server: ServerProcess,
    /// The sample before any load.
    idle: Sample,
}

impl Target {
    /// Starts a server and waits until it is idle.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        let server = ServerProcess::start(args, &[]);
        let idle_descriptors = descriptors(server.pid()).len();
        echo(&connect(server.addr()), GREETING);
        wait_until("the end of the first connection", || {
            descriptors(server.pid()).len() == idle_descriptors
        });
        let idle = Sample::of(server.pid());
        Self { server, idle }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Returns the sample before any load.
    pub(crate) fn idle(&self) -> Sample {
        self.idle
    }

    /// Takes a sample now.
    #[track_caller]
    pub(crate) fn sample(&self) -> Sample {
        Sample::of(self.server.pid())
    }

    /// Does `work`. Returns its result and the peak of the server's memory during it.
    #[track_caller]
    pub(crate) fn peak_during<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        const INTERVAL: Duration = Duration::from_millis(10);
        let over = Over::default();
        thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut peak = 0;
                while !over.is_over() {
                    peak = peak.max(self.sample().resident);
                    thread::sleep(INTERVAL);
                }
                peak
            });
            let guard = over.guard();
            let done = work();
            drop(guard);
            (done, watch.join().unwrap().max(self.sample().resident))
        })
    }

    /// Stops the server's process with a signal, does `work`, and continues the process.
    #[track_caller]
    pub(crate) fn stopped<T>(&self, work: impl FnOnce() -> T) -> T {
        let _continued = Continued(&self.server);
        self.server.signal(Signal::SIGSTOP);
        wait_until("a stopped server", || is_stopped(self.server.pid()));
        work()
    }

    /// Kills the server, so that no peer waits for it any longer.
    pub(crate) fn kill(&self) {
        self.server.signal(Signal::SIGKILL);
    }

    /// Returns the warnings, errors and panics that the server has logged so far.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.server.stderr().so_far();
        complaints(&log).into_iter().map(str::to_owned).collect()
    }

    /// Waits until the server has closed all connections. Checks that it has as many descriptors and
    /// threads as before any load.
    #[track_caller]
    pub(crate) fn expect_idle(&self) {
        let mut open = 0;
        wait_until("the number of descriptors from before the load", || {
            open = self.sample().descriptors;
            open == self.idle.descriptors
        });
        assert_eq!(self.sample().threads, self.idle.threads, "threads");
    }

    /// Checks that memory grew from `before` to `now` by less than `limit`. Returns the growth.
    #[track_caller]
    pub(crate) fn expect_growth_below(before: u64, now: u64, limit: u64) -> u64 {
        let grown = now.saturating_sub(before);
        assert!(grown < limit, "memory grew by {}, not by less than {}", mib(grown), mib(limit));
        grown
    }

    /// Waits for the end of all connections, then stops the server. Checks that it owed nothing to any
    /// of them.
    #[track_caller]
    pub(crate) fn stop(self) -> Stopped {
        self.expect_idle();
        Stopped::new(self.server.stop(), GREETING)
    }
}

/// Continues the server's process when dropped, also after a panic.
struct Continued<'a>(&'a ServerProcess);

impl Drop for Continued<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGCONT);
    }
}
