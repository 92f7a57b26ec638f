//! The echo server of this project, in this process, on a free port.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use echo_common::descriptors;
use echo_server::{Config, Handle, Server, ServerError, Summary};

/// Number of descriptors that the server and the load tester need besides those of connections.
const OTHER_DESCRIPTORS: u64 = 256;

/// A server that runs until it is stopped.
pub(crate) struct EmbeddedServer {
    address: SocketAddr,
    handle: Handle,
    running: JoinHandle<Result<Summary, ServerError>>,
}

impl EmbeddedServer {
    /// Starts a server for this number of connections. Each thread of the load tester has a CPU of its
    /// own, and the server gets the others.
    ///
    /// # Errors
    /// A sentence when the server could not be started, or both ends of the connections need more
    /// descriptors than there are.
    pub(crate) fn start(connections: u32, threads: u32) -> Result<Self, String> {
        let needed = 2 * u64::from(connections) + OTHER_DESCRIPTORS;
        let what = format!("{connections} connections and the embedded server");
        descriptors::check(&what, needed)?;
        let workers = num_cpus::get().saturating_sub(threads as usize);
        let server = Server::bind(Config {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            num_workers: NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN),
            drain_timeout: Duration::ZERO,
            report_interval: None,
            ..Config::default()
        });
        let server = server.map_err(|error| format!("start the embedded server: {error}"))?;
        let (address, handle) = (server.local_addr(), server.handle());
        let running = thread::Builder::new()
            .name("server".to_owned())
            .spawn(|| server.run())
            .map_err(|error| format!("start the embedded server: {error}"))?;
        Ok(Self { address, handle, running })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server.
    ///
    /// # Errors
    /// A sentence when the server had failed.
    pub(crate) fn stop(self) -> Result<(), String> {
        self.handle.shutdown();
        match self.running.join() {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the embedded server: {error}")),
            Err(_) => Err("the embedded server panicked".to_owned()),
        }
    }
}
