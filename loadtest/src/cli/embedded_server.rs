//! The echo server of this project, started in this process on a free port.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use echo_common::descriptors;
use echo_server::{Config, Handle, Server, ServerError, Summary};

/// Descriptors that both halves need besides those of connections.
const OTHER_DESCRIPTORS: u64 = 256;

/// It runs until it is stopped.
pub(crate) struct EmbeddedServer {
    address: SocketAddr,
    handle: Handle,
    running: JoinHandle<Result<Summary, ServerError>>,
}

impl EmbeddedServer {
    /// For so many connections, beside so many threads of the load tester: they get a CPU each, and
    /// the server the others.
    ///
    /// # Errors
    /// A sentence: it could not be started, or both ends of the connections need more descriptors than
    /// there are.
    pub(crate) fn start(connections: u32, threads: u32) -> Result<Self, String> {
        let needed = 2 * u64::from(connections) + OTHER_DESCRIPTORS;
        if let Some(limit) = descriptors::limit().filter(|&limit| limit < needed) {
            return Err(format!(
                "{connections} connections and the server inside need {needed} descriptors, and \
                 this process may have {limit} (ulimit -n)"
            ));
        }
        let workers = num_cpus::get().saturating_sub(threads as usize);
        let server = Server::bind(Config {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            num_workers: NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN),
            drain_timeout: Duration::ZERO,
            report_interval: None,
            ..Config::default()
        });
        let server = server.map_err(|error| format!("start the server inside: {error}"))?;
        let (address, handle) = (server.local_addr(), server.handle());
        let running = thread::Builder::new()
            .name("server".to_owned())
            .spawn(|| server.run())
            .map_err(|error| format!("start the server inside: {error}"))?;
        Ok(Self { address, handle, running })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// # Errors
    /// A sentence when it had failed.
    pub(crate) fn stop(self) -> Result<(), String> {
        self.handle.shutdown();
        match self.running.join() {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the server inside: {error}")),
            Err(_) => Err("the server inside panicked".to_owned()),
        }
    }
}
