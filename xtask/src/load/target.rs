//! The server under load: the release binary, what it takes of the system, and what it says at the
//! end.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use echo_tests::peer::{connect, echo};
use echo_tests::proc_fs::{cpu_time, descriptors, is_stopped, resident_bytes, threads};
use echo_tests::process::ServerProcess;
use echo_tests::wait::{Over, wait_until};
use nix::sys::signal::Signal;

use super::account::complaints;
use super::{Stopped, mib};

/// The first connection of every server, so that all its threads have started.
const GREETING: &str = "hello\n";

/// What the server takes of the system.
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

/// A server that runs. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Target {
    server: ServerProcess,
    /// As it was before any load.
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

    /// As it was before any load.
    pub(crate) fn idle(&self) -> Sample {
        self.idle
    }

    /// As it is now.
    #[track_caller]
    pub(crate) fn sample(&self) -> Sample {
        Sample::of(self.server.pid())
    }

    /// Does `work` and returns the most memory that was seen meanwhile.
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

    /// Stops the server with a signal for as long as `meanwhile` takes.
    #[track_caller]
    pub(crate) fn stopped<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        let _continued = Continued(&self.server);
        self.server.signal(Signal::SIGSTOP);
        wait_until("a stopped server", || is_stopped(self.server.pid()));
        meanwhile()
    }

    /// Ends the server at once: whoever waits for it need not wait any longer.
    pub(crate) fn kill(&self) {
        self.server.signal(Signal::SIGKILL);
    }

    /// What it has said so far that is worse than information.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.server.stderr().so_far();
        complaints(&log).into_iter().map(str::to_owned).collect()
    }

    /// Waits until the server has closed everything, and checks that it is as it was before any
    /// load: the same descriptors and threads.
    #[track_caller]
    pub(crate) fn expect_idle(&self) {
        let mut open = 0;
        wait_until("descriptors back where they were", || {
            open = self.sample().descriptors;
            open == self.idle.descriptors
        });
        assert_eq!(self.sample().threads, self.idle.threads, "threads");
    }

    /// Checks that memory grew by less than `limit` since it was `before`. Returns by how much.
    #[track_caller]
    pub(crate) fn expect_growth_below(before: u64, now: u64, limit: u64) -> u64 {
        let grown = now.saturating_sub(before);
        assert!(grown < limit, "{} more, not less than {}", mib(grown), mib(limit));
        grown
    }

    /// Waits for the end of all connections, then stops the server, which must say that none was
    /// owed anything.
    #[track_caller]
    pub(crate) fn stop(self) -> Stopped {
        self.expect_idle();
        Stopped::new(self.server.stop(), GREETING)
    }
}

/// Lets the server go on, whatever happened.
struct Continued<'a>(&'a ServerProcess);

impl Drop for Continued<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGCONT);
    }
}
