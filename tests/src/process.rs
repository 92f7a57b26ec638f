//! Runs the real programs as child processes: starts them like a user does, reads their output, and
//! stops them by signals.
//!
//! Every wait has the [`DEADLINE`](crate::wait::DEADLINE), and its message says what the test waited
//! for. A process is killed when it is dropped, so a failing test leaves no process behind.

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

/// Waits until `probe` returns a value, and returns this value.
///
/// # Panics
/// After the [`DEADLINE`](crate::wait::DEADLINE); the message names `what`.
#[track_caller]
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    wait_until(what, || {
        found = probe();
        found.is_some()
    });
    found.unwrap()
}

/// Returns the command for the server with these arguments and environment variables.
///
/// The server listens on a free port unless an argument or a variable sets one, and its output goes
/// to the caller. It inherits no settings of the echo programs from the environment.
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

/// Returns the command `sh -c script` with the server as `$0`, and a free port and `args` as `$@`. The
/// script must end in `exec "$0" "$@"`, so that the process becomes the server.
#[must_use]
pub fn server_shell(script: &str, args: &[&str]) -> Command {
    let mut command = prepared(Command::new("sh"));
    command.args(["-c", script]).arg(server_binary()).args(["--port", "0"]).args(args);
    command
}

/// Returns the command for the client with these arguments and the address of `server`.
#[must_use]
pub fn client_command(server: SocketAddr, args: &[&str]) -> Command {
    let mut command = prepared(Command::new(client_binary()));
    command.args(["--server-ip", &server.ip().to_string()]);
    command.args(["--server-port", &server.port().to_string()]).args(args);
    command
}

/// Removes the settings of the echo programs from the environment, connects the output to pipes, and
/// turns on backtraces.
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

/// A child process whose output is read as it arrives. The process is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// Starts `command`. Output that does not go to a pipe counts as empty.
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

    /// Starts `command` and waits for the end of the process.
    ///
    /// # Panics
    /// When the command cannot be started, or the process does not end in time.
    #[track_caller]
    pub fn run(command: Command) -> Finished {
        Self::spawn(command).wait()
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the standard error.
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
    /// When the process or its output does not end in time; the message contains the output so far.
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
        status.unwrap_or_else(|| {
            panic!("the process does not end:\n{}", excerpt(&self.stderr.so_far()))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server process that listens.
#[derive(Debug)]
pub struct ServerProcess {
    process: Process,
    addr: SocketAddr,
}

impl ServerProcess {
    /// Starts the server, and waits until its log shows the address.
    ///
    /// # Panics
    /// When the server does not start, or does not log its address in time.
    #[track_caller]
    #[must_use]
    pub fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::launch(server_command(args, env))
    }

    /// Starts a command made by [`server_command`] or [`server_shell`], and waits until the log shows
    /// the address.
    ///
    /// # Panics
    /// When the server does not start, or does not log its address in time.
    #[track_caller]
    #[must_use]
    pub fn launch(command: Command) -> Self {
        let process = Process::spawn(command);
        let line = process.stderr.wait_for("listening address=");
        let addr = listening_address(&line);
        Self { process, addr }
    }

    /// Starts a server that does not log its address, and asks the system for the address.
    ///
    /// # Panics
    /// When the server does not start, or does not listen in time.
    #[cfg(target_os = "linux")]
    #[track_caller]
    #[must_use]
    pub fn launch_silent(command: Command) -> Self {
        let process = Process::spawn(command);
        let listening = || crate::proc_fs::listening_address(process.pid());
        let addr = eventually("a listening server", listening);
        Self { process, addr }
    }

    /// Returns the address on which the server listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits for a line of the log that contains `part`, and returns the first such line.
    ///
    /// # Panics
    /// When the log has no such line in time.
    #[track_caller]
    pub fn wait_for_line(&self, part: &str) -> String {
        self.process.stderr.wait_for(part)
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// When the process does not end in time.
    #[track_caller]
    #[must_use]
    pub fn wait(self) -> Finished {
        self.process.wait()
    }

    /// Sends `SIGTERM`, and waits for the end of the process.
    ///
    /// # Panics
    /// When the process does not end in time.
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

/// Returns the address in a `listening address=ADDRESS …` record.
#[track_caller]
#[must_use]
pub fn listening_address(line: &str) -> SocketAddr {
    let address =
        line.split_once("listening address=").and_then(|(_, rest)| rest.split(' ').next());
    address.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no address in {line}"))
}
