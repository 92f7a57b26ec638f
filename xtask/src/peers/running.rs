//! The process of a peer, started on a free port and stopped by a signal.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use echo_loadtest::target::CommandLine;
use echo_tests::process::{Process, eventually};
use nix::sys::signal::Signal;

use benchmark::peers::Peer;

pub(super) struct Running {
    address: SocketAddr,
    process: Process,
}

impl Running {
    /// Starts the peer and waits until it accepts connections.
    #[track_caller]
    pub(super) fn start(peer: &Peer, workers: usize) -> Self {
        let line: CommandLine = peer.command(workers).parse().unwrap();
        let address = free_address();
        let (program, args) = line.with_port(address.port());
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = Process::spawn(command);
        eventually(&format!("{} to accept", peer.name), || accepted(address));
        Self { address, process }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks the peer to end. Its exit code must be 0.
    #[track_caller]
    pub(super) fn stop(self) {
        self.process.signal(Signal::SIGTERM);
        let finished = self.process.wait();
        finished.expect_code(0);
    }
}

fn accepted(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    // If no process listens on the port, the system may connect the socket with itself.
    stream.local_addr().is_ok_and(|local| local != address).then_some(stream)
}

/// Returns an address on which no process listens at the moment.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap()
}
