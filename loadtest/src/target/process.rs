//! A server process that we start and never leave behind.
//!
//! Each process leads a process group of its own, so that its children end with it. All groups are
//! known in one place, so that a load tester that must end at once can end them. A command that leaves
//! its group (a daemon) is not followed.

mod group;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use echo_common::cpus::{self, Cpus};
use echo_common::socket::is_connected_to_itself;

use super::command_line::CommandLine;
use super::output::Output;
pub use group::kill_all;

/// How long a server may take to accept its first connection.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take to end when it is asked to. That is twice the drain timeout of our server.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a process may take to end after its connections were closed.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// How long one attempt to connect may take. A full backlog leaves it without an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause between two looks at a process or its port.
const PAUSE: Duration = Duration::from_millis(5);

/// A server that was started and has accepted a connection. Dropping it kills the process.
#[derive(Debug)]
pub struct Process {
    /// The command as it was given, for error sentences.
    command: String,
    child: Child,
    ended: Option<ExitStatus>,
    output: Output,
}

impl Process {
    /// Starts the command and waits until it accepts a connection at `address`. Its standard input is
    /// empty, and its output is read here.
    ///
    /// # Errors
    /// A sentence, with the end of its output, when it accepts none. The process is gone then.
    pub(super) fn start(
        command: &CommandLine,
        address: SocketAddr,
        cpus: Option<&Cpus>,
    ) -> Result<Self, String> {
        let (child, output) = cpus::with_pinned(cpus, || spawn(command, address.port()))
            .map_err(|error| format!("start `{command}`: {error}"))?;
        let mut process = Self { command: command.to_string(), child, ended: None, output };
        process.wait_until_it_accepts(address)?;
        Ok(process)
    }

    /// Returns the process id, which is also the id of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the process to end, waits at most ten seconds, and kills what is left of its group.
    ///
    /// # Errors
    /// A sentence when the process had ended by itself before.
    pub fn stop(mut self) -> Result<(), String> {
        self.check()?;
        group::ask_to_end(&mut self.child);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        // Dropping it kills the process, if it has not ended.
        Ok(())
    }

    /// Checks that the process still runs.
    ///
    /// # Errors
    /// A sentence, with the end of its output, when it does not.
    pub fn check(&mut self) -> Result<(), String> {
        if self.has_ended() { Err(self.obituary("ended")) } else { Ok(()) }
    }

    /// Checks that the process still runs after a connection to it failed. Waits a moment, because the
    /// system closes the connections of a process before it reports its end.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_after_failure(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + LAST_MOMENTS;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        self.check()
    }

    fn wait_until_it_accepts(&mut self, address: SocketAddr) -> Result<(), String> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let accepted = accepts(address);
            // If the process is gone, another one has accepted.
            if self.has_ended() {
                return Err(self.obituary("ended before it accepted a connection"));
            }
            if accepted {
                return Ok(());
            }
            if Instant::now() >= deadline {
                // After its end the output is complete.
                self.kill();
                let what = format!("accepted no connection at {address} within {START_TIMEOUT:?}");
                return Err(format!("`{}` {what}{}", self.command, self.output.last_words()));
            }
            thread::sleep(PAUSE);
        }
    }

    fn obituary(&self, what: &str) -> String {
        let status = self.ended.map(|status| format!(" ({status})")).unwrap_or_default();
        format!("`{}` {what}{status}{}", self.command, self.output.last_words())
    }

    /// Returns whether the process has ended. If so, kills the rest of its group and reaps it.
    fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = group::reap(&mut self.child);
        }
        self.ended.is_some()
    }

    fn kill(&mut self) {
        if self.ended.is_none() {
            self.ended = group::kill(&mut self.child);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(command: &CommandLine, port: u16) -> Result<(Child, Output), String> {
    let (program, arguments) = command.with_port(port);
    let (reader, writer) = io::pipe().map_err(|error| format!("make a pipe: {error}"))?;
    let second = writer.try_clone().map_err(|error| format!("make a pipe: {error}"))?;
    let output = Output::drain(reader)?;
    let mut start = Command::new(program);
    start.args(arguments).stdin(Stdio::null()).stdout(writer).stderr(second);
    let child = group::spawn(&mut start)?;
    Ok((child, output))
}

/// Returns whether somebody listens at the address.
fn accepts(address: SocketAddr) -> bool {
    let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
    stream.is_ok_and(|stream| !is_connected_to_itself(stream.local_addr(), Ok(address)))
}

#[cfg(test)]
mod tests;
