//! The real binaries as child processes: started as a user starts them, watched through what they
//! print, stopped by signals.
//!
//! Every wait has the [`DEADLINE`](crate::wait::DEADLINE) and says what it waited for; nothing sleeps to let
//! something happen. A process that is dropped is killed, so a test that fails leaves none behind.

// A harness that cannot go on fails the test by panicking.
#![allow(clippy::unwrap_used, clippy::panic)]

mod binary;
mod finished;
mod output;

use std::net::SocketAddr;
use std::ops::Deref;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::wait::{holds_in_time, wait_until};

pub use binary::{client_binary, server_binary};
pub use finished::{Finished, excerpt};
pub use output::Output;

/// Waits until `probe` returns something.
///
/// # Panics
/// After the [`DEADLINE`](crate::wait::DEADLINE), naming `what`.
#[track_caller]
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    wait_until(what, || {
        found = probe();
        found.is_some()
    });
    found.unwrap()
}

/// The server with these arguments and environment variables, on a free port unless one of the two
/// names a port, its output going to the caller. No other setting of the server is inherited.
#[must_use]
pub fn server_command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = prepared(Command::new(server_binary()));
    if !args.iter().any(|arg| arg.starts_with("--port"))
        && !env.iter().any(|(name, _)| *name == "ECHO_SERVER_PORT")
    {
        command.args(["--port", "0"]);
    }
    command.args(args).envs(env.iter().copied());
    command
}

/// `sh -c script` with the server as `$0` and `args` (and a free port) as `$@`. The script is to
/// end in `exec "$0" "$@"`, so that the process is the server.
#[must_use]
pub fn server_shell(script: &str, args: &[&str]) -> Command {
    let mut command = prepared(Command::new("sh"));
    command.args(["-c", script]).arg(server_binary()).args(["--port", "0"]).args(args);
    command
}

/// The client with these arguments, told to talk to `server`.
#[must_use]
pub fn client_command(server: SocketAddr, args: &[&str]) -> Command {
    let mut command = prepared(Command::new(client_binary()));
    command.args(["--server-ip", &server.ip().to_string()]);
    command.args(["--server-port", &server.port().to_string()]).args(args);
    command
}

/// Without the caller's settings, its output piped, and with a backtrace wherever one would show.
fn prepared(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ECHO_") {
            command.env_remove(name);
        }
    }
    command.env("RUST_BACKTRACE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A child process whose output is read as it comes. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// Starts `command`; output that it sends elsewhere than to a pipe counts as empty.
    ///
    /// # Panics
    /// When the command cannot be started.
    #[track_caller]
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().map_or_else(Output::none, Output::read);
        let stderr = child.stderr.take().map_or_else(Output::none, Output::read);
        Self { child, stdout, stderr }
    }

    /// Starts `command` and waits for its end.
    ///
    /// # Panics
    /// When it cannot be started, or does not end in time.
    #[track_caller]
    pub fn run(command: Command) -> Finished {
        Self::spawn(command).wait()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard error.
    #[must_use]
    pub fn stderr(&self) -> &Output {
        &self.stderr
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    #[cfg(unix)]
    #[track_caller]
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.pid().cast_signed());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for the end of the process and of its output.
    ///
    /// # Panics
    /// When either does not come in time, with what was said so far.
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let status = self.exit_status();
        Finished { code: status.code(), stdout: self.stdout.all(), stderr: self.stderr.all() }
    }

    #[track_caller]
    fn exit_status(&mut self) -> ExitStatus {
        let mut status = None;
        let has_ended = || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        };
        holds_in_time(has_ended);
        status
            .unwrap_or_else(|| panic!("no end of the process:\n{}", excerpt(&self.stderr.so_far())))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct ServerProcess {
    process: Process,
    addr: SocketAddr,
}

impl ServerProcess {
    /// Starts the server and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    #[must_use]
    pub fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::launch(server_command(args, env))
    }

    /// The same for a command made by [`server_command`] or [`server_shell`].
    ///
    /// # Panics
    /// When it does not start, or does not say where it listens.
    #[track_caller]
    #[must_use]
    pub fn launch(command: Command) -> Self {
        let process = Process::spawn(command);
        let line = process.stderr.wait_for("listening address=");
        let addr = listening_address(&line);
        Self { process, addr }
    }

    /// Starts a server that does not say where it listens: the system is asked.
    ///
    /// # Panics
    /// When it does not start or listen.
    #[cfg(target_os = "linux")]
    #[track_caller]
    #[must_use]
    pub fn launch_silent(command: Command) -> Self {
        let process = Process::spawn(command);
        let listening = || crate::proc_fs::listening_address(process.pid());
        let addr = eventually("a listening server", listening);
        Self { process, addr }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits for a line of its log that contains `part`, and returns the first such line.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn wait_for_line(&self, part: &str) -> String {
        self.process.stderr.wait_for(part)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    #[must_use]
    pub fn wait(self) -> Finished {
        self.process.wait()
    }

    /// Sends `SIGTERM` and waits for the end.
    ///
    /// # Panics
    /// When it does not come.
    #[cfg(unix)]
    #[track_caller]
    #[must_use]
    pub fn stop(self) -> Finished {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.wait()
    }
}

impl Deref for ServerProcess {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

/// The address in a `listening address=ADDRESS …` record.
#[track_caller]
#[must_use]
pub fn listening_address(line: &str) -> SocketAddr {
    let address =
        line.split_once("listening address=").and_then(|(_, rest)| rest.split(' ').next());
    address.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no address in {line}"))
}
