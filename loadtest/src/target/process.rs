//! A server that we start, and never leave behind.
//!
//! Each is the leader of a process group of its own, so that what it starts ends with it. All groups
//! are known in one place, so that a load tester that must end at once can take them along. A
//! command that leaves its group (a daemon) is not followed.

mod group;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use echo_common::cpus::{self, Cpus};

use super::command_line::CommandLine;
use super::output::Output;
pub use group::kill_all;

/// How long a server may take to accept its first connection.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take to end when it is asked to: twice what ours drains for.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a process whose connections are closed may take to be gone.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// The patience with one attempt to connect: a full queue leaves it without an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Between two looks at a process or its port.
const PAUSE: Duration = Duration::from_millis(5);

/// A server that was started, and accepted a connection. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    /// As it was given, for sentences.
    command: String,
    child: Child,
    ended: Option<ExitStatus>,
    output: Output,
}

impl Process {
    /// Starts the command, with nothing to read and its output read here, and waits until it accepts
    /// a connection at `address`.
    ///
    /// # Errors
    /// A sentence, with the end of its output, when it does not. Nothing is left of it then.
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

    /// Its process id, which is that of its group too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, waits for ten seconds at most, and kills what is left.
    ///
    /// # Errors
    /// A sentence when it had ended by itself before.
    pub fn stop(mut self) -> Result<(), String> {
        self.check()?;
        group::ask_to_end(&mut self.child);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        // Dropped: killed, if it did not end.
        Ok(())
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// A sentence, with the end of its output, when it does not.
    pub fn check(&mut self) -> Result<(), String> {
        if self.has_ended() { Err(self.obituary("ended")) } else { Ok(()) }
    }

    /// Whether it still runs after a connection to it failed: the system closes those of a process
    /// before it tells that it has ended.
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
            // Whoever accepted: it is not this one if it is gone.
            if self.has_ended() {
                return Err(self.obituary("ended before it accepted a connection"));
            }
            if accepted {
                return Ok(());
            }
            if Instant::now() >= deadline {
                // Its last words are to be complete.
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

    /// Looks whether it has ended. If so, the rest of its group is killed, and it is reaped.
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

/// Whether somebody listens there.
fn accepts(address: SocketAddr) -> bool {
    let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
    // Where nobody listens, the system may connect a socket with itself: it gave it that very port.
    stream.is_ok_and(|stream| stream.local_addr().is_ok_and(|local| local != address))
}

#[cfg(test)]
mod tests;
