//! The release server under strace, and the system calls that it makes between two moments of rest. The
//! server is at rest when each of its threads waits in a call that has not returned.

use std::process::Command;

use echo_tests::proc_fs::{is_at_rest, thread_states};
use echo_tests::process::{ServerProcess, server_command};
use echo_tests::wait::wait_until;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::baseline::Tally;
use crate::load::Session;
use crate::strace::{self, Trace};

/// Two workers, without records and reports, because those depend on the clock.
const ARGS: [&str; 6] = ["--num-workers", "2", "--log_level", "WARN", "--report-interval", "0"];

/// Number of connections after which every thread has done each kind of work once.
const GREETINGS: usize = 8;

pub(super) struct Watched {
    server: ServerProcess,
    dir: TempDir,
}

impl Watched {
    /// Starts a server, and returns it once it has served a few connections and is at rest.
    pub(super) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let mut strace = Command::new("strace");
        strace::write_to(&mut strace, dir.path());
        let command = strace::run(strace, &server_command(&ARGS, &[]));
        let watched = Self { server: ServerProcess::launch_silent(command), dir };
        for _ in 0..GREETINGS {
            let mut session = watched.connect();
            session.echo("hello\n");
            session.finish("");
        }
        watched
    }

    pub(super) fn connect(&self) -> Session {
        Session::connect(self.server.addr(), 0)
    }

    /// Waits until the server is at rest.
    pub(super) fn rest(&self) {
        wait_until("a server at rest", || is_at_rest(self.server.pid()));
    }

    /// Does `work` and returns the calls that it caused.
    pub(super) fn calls_of(&self, work: impl FnOnce()) -> Tally {
        self.rest();
        let before = self.calls();
        work();
        self.rest();
        let mut calls = self.calls();
        calls.iter_mut().for_each(|(name, count)| *count -= before.get(name).unwrap_or(&0));
        calls.retain(|_, count| *count > 0);
        calls
    }

    fn calls(&self) -> Tally {
        let trace = Trace::read(self.dir.path());
        trace.returned().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// Stops the server for as long as `work` takes.
    pub(super) fn stopped(&self, work: impl FnOnce()) {
        self.server.signal(Signal::SIGSTOP);
        wait_until("a stopped server", || {
            thread_states(self.server.pid()).iter().all(|state| matches!(state, 'T' | 't'))
        });
        work();
        self.server.signal(Signal::SIGCONT);
    }
}
