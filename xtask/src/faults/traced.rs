//! The server under strace, which makes some of its system calls fail.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use echo_tests::process::{Finished, Process, ServerProcess, server_command};
use echo_tests::wait::wait_until;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::strace::{self, Trace};

/// Makes strace stop the server only for the traced calls.
const ONLY_WATCHED: &str = "--seccomp-bpf";

/// Calls that are always traced, because they show how far the server is.
const ALWAYS_WATCHED: [&str; 2] = ["accept4", "epoll_ctl"];

/// Runs strace with `-P`, which limits the faults to one file: here standard error, a pipe.
const ON_STDERR: &str = r#"exec strace -P "$(readlink /proc/self/fd/2)" "$@""#;

/// A system call that fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    call: &'static str,
    error: &'static str,
    /// Which calls of each thread fail: `first..last+step`, see strace(1).
    when: &'static str,
    on_stderr: bool,
}

impl Fault {
    pub(super) fn new(call: &'static str, error: &'static str, when: &'static str) -> Self {
        Self { call, error, when, on_stderr: false }
    }

    /// Creates a fault that only affects writes to standard error.
    pub(super) fn on_stderr(error: &'static str, when: &'static str) -> Self {
        Self { on_stderr: true, ..Self::new("write", error, when) }
    }
}

/// Writes the fault in the syntax of strace.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inject={}:error={}:when={}", self.call, self.error, self.when)
    }
}

/// A listening server, some of whose calls fail.
pub(super) struct Traced {
    server: ServerProcess,
    dir: TempDir,
    faults: Vec<Fault>,
}

/// A server that has ended.
pub(super) struct Ended {
    pub(super) finished: Finished,
    pub(super) trace: Trace,
}

impl Traced {
    /// Starts the server on a free port.
    pub(super) fn start(faults: &[Fault], args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let server = ServerProcess::launch(command(faults, args, dir.path()));
        Self { server, dir, faults: faults.to_vec() }
    }

    /// Returns the calls so far.
    pub(super) fn trace(&self) -> Trace {
        Trace::read(self.dir.path())
    }

    /// Waits until the server has accepted every connection and found the queue empty.
    pub(super) fn settle(&self) {
        wait_until("an accept that finds nothing", || {
            self.trace().of("accept4").last().is_some_and(|line| line.contains("EAGAIN"))
        });
    }

    /// Asks the server to stop, and waits for its end.
    #[track_caller]
    pub(super) fn stop(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.end()
    }

    /// Waits for the server's end.
    #[track_caller]
    pub(super) fn end(self) -> Ended {
        Ended::new(self.server.wait(), &self.dir, &self.faults)
    }
}

impl Deref for Traced {
    type Target = ServerProcess;

    fn deref(&self) -> &ServerProcess {
        &self.server
    }
}

impl Ended {
    /// Runs a server until it ends by itself.
    #[track_caller]
    pub(super) fn run(faults: &[Fault], args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let finished = Process::run(command(faults, args, dir.path()));
        Self::new(finished, &dir, faults)
    }

    /// Checks that each fault has occurred.
    #[track_caller]
    fn new(finished: Finished, dir: &TempDir, faults: &[Fault]) -> Self {
        let trace = Trace::read(dir.path());
        for fault in faults {
            assert_ne!(trace.injected(fault.call), 0, "this fault never occurred: {fault}");
        }
        Self { finished, trace }
    }

    /// Checks the exit code and the number of failed connections, and that none was cut off.
    #[track_caller]
    pub(super) fn expect(&self, code: i32, failed: usize) {
        self.finished.expect_code(code);
        let failed = format!(" failed={failed} ");
        let _ = self.finished.line_with(&["summary connections=", &failed, " cut=0 "]);
    }

    /// Describes how often this call failed, and how the server ended.
    pub(super) fn seen(&self, call: &str) -> String {
        let Self { finished, trace } = self;
        let code = finished.code.map_or("none".to_owned(), |code| code.to_string());
        format!("{} of {} failed, exit code {code}", trace.injected(call), trace.of(call).len())
    }
}

/// Returns the command that runs the server under strace. The server's outputs are piped to the caller;
/// strace writes to `dir`.
fn command(faults: &[Fault], args: &[&str], dir: &Path) -> Command {
    let mut strace = Command::new("strace");
    if faults.iter().any(|fault| fault.on_stderr) {
        strace = Command::new("sh");
        strace.args(["-c", ON_STDERR, "sh"]);
    }
    let mut watched: Vec<&str> = faults.iter().map(|fault| fault.call).collect();
    watched.extend(ALWAYS_WATCHED);
    strace::write_to(&mut strace, dir).arg(ONLY_WATCHED);
    strace.args(["-e", &format!("trace={}", watched.join(","))]);
    for fault in faults {
        strace.args(["-e", &fault.to_string()]);
    }
    strace::run(strace, &server_command(args, &[]))
}
