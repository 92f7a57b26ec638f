//! The server that gets the load: one that runs already, or a command that starts one. Knows nothing
//! about loads and figures, except what a process uses.

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

/// How long to wait for the answer of an address, if a name has several.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A server that runs already.
    Address(Address),
    /// A command that starts a server.
    Command(CommandLine),
}

impl FromStr for Target {
    type Err = String;

    /// Reads a text with `{port}` in it as a command line, and any other text as an address. Resolves no
    /// name.
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

/// A target that accepts connections. Dropping it kills a server that was started.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    process: Option<Process>,
}

impl Target {
    /// Makes the target ready: resolves the name, or starts the command on a free port and waits until
    /// it accepts a connection. A command may use only `cpus`, if they are given.
    ///
    /// # Errors
    /// A sentence when the name has no address, or the command could not be started, ended, or did not
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
    /// Returns the address at which it accepts connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the process, if one was started.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Returns the process, if one was started.
    pub fn process_mut(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Ends the process, if one was started: asks it to end, and kills it if that takes more than ten
    /// seconds.
    ///
    /// # Errors
    /// A sentence, with the end of its output, when the process had ended by itself before.
    pub fn stop(self) -> Result<(), String> {
        self.process.map_or(Ok(()), Process::stop)
    }
}

/// Returns a port on which nobody listens at the moment.
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
