//! What is loaded: a server that runs somewhere, or a command that starts one here. Knows nothing
//! of loads and figures, except what a process takes of the system.

mod command_line;
mod output;
mod process;
mod usage;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::str::FromStr;
use std::time::Duration;

use crate::address::Address;
pub use command_line::CommandLine;
pub use echo_common::cpus::{Cpus, pin_current_thread};
pub use process::{Process, kill_all};
pub use usage::{Usage, Watch};

/// How long one of several addresses of a name may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One that runs.
    Address(Address),
    /// One to be started.
    Command(CommandLine),
}

impl FromStr for Target {
    type Err = String;

    /// A text with `{port}` in it is a command line, any other an address. No name is resolved.
    ///
    /// # Errors
    /// A sentence for the user when the text is neither.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(command_line::PORT) {
            return text.parse().map(Self::Command);
        }
        text.parse().map(Self::Address).map_err(|error: String| {
            format!("{error}, or a command line with {{port}} where the port goes")
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Command(command) => command.fmt(f),
        }
    }
}

/// A target that accepts connections. One that was started is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    process: Option<Process>,
}

impl Target {
    /// Makes it ready: resolves the name, or starts the command on a free port and waits until it
    /// accepts a connection. `cpus` are those that a command may use; none given: all that we may.
    ///
    /// # Errors
    /// A sentence: the name has no address, or the command could not be started, ended, or did not
    /// accept a connection in time.
    pub fn start(&self, cpus: Option<&Cpus>) -> Result<Running, String> {
        match self {
            Self::Address(address) => {
                Ok(Running { address: address.resolve(PATIENCE)?, process: None })
            }
            Self::Command(command) => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
                let process = Process::start(command, address, cpus)?;
                Ok(Running { address, process: Some(process) })
            }
        }
    }
}

impl Running {
    /// Where it accepts connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was started, if it was.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// What was started, if it was.
    pub fn process_mut(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Ends what was started: asks it to, and kills it when it takes more than ten seconds.
    ///
    /// # Errors
    /// A sentence, with the end of its output, when it had ended by itself before.
    pub fn stop(self) -> Result<(), String> {
        self.process.map_or(Ok(()), Process::stop)
    }
}

/// A port that nobody listens on at the moment.
fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("find a free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_port_to_fill_in_is_a_command_and_any_other_an_address() {
        for text in ["127.0.0.1:9000", "[::1]:9000", "localhost:1"] {
            let target: Target = text.parse().expect("an address");
            assert!(matches!(target, Target::Address(_)));
            assert_eq!(target.to_string(), text);
        }
        let target: Target = "server --port {port}".parse().expect("a command");
        assert!(matches!(target, Target::Command(_)));
        assert_eq!(target.to_string(), "server --port {port}");
    }

    #[test]
    fn nonsense_is_refused_with_a_sentence() {
        for text in ["", "target/server", ":9000", "h:0", "h:65536", "::1:9000", "a b:1", "{port"] {
            let error = text.parse::<Target>().expect_err(text);
            let wanted = ", or a command line with {port} where the port goes";
            assert!(error.ends_with(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_is_resolved_and_nothing_is_started() {
        let target: Target = "127.0.0.1:9000".parse().expect("an address");
        let running = target.start(None).expect("it needs no name server");
        assert_eq!(running.address(), SocketAddr::from(([127, 0, 0, 1], 9000)));
        assert!(running.process().is_none());
        assert_eq!(running.stop(), Ok(()));
    }
}
