//! The socket as the system has it, on the other side of the seam: how it is opened, and what events
//! say.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Shutdown, SocketAddr};

use echo_common::socket as system;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Type};

use super::stamps;
use crate::engine::stream::{Readiness, Received, Stream};
use crate::plan::Plan;

/// A socket of one connection.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) tcp: TcpStream,
    /// The kernel was asked for timestamps.
    has_stamps: bool,
}

impl Stream for Socket {
    fn check_connected(&self) -> io::Result<()> {
        match self.tcp.take_error()? {
            Some(error) => Err(error),
            None if system::is_connected_to_itself(self.tcp.local_addr(), self.tcp.peer_addr()) => {
                Err(ErrorKind::ConnectionRefused.into())
            }
            None => Ok(()),
        }
    }

    #[inline]
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        if self.has_stamps {
            return stamps::receive(&self.tcp, buffer);
        }
        Ok(Received { len: system::receive(&mut self.tcp, buffer)?, age: None })
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        system::send(&mut self.tcp, bytes)
    }

    fn finish(&self) -> io::Result<()> {
        self.tcp.shutdown(Shutdown::Write)
    }
}

/// Returns what an event says about a stream.
pub(crate) fn readiness(event: &Event) -> Readiness {
    let read_until_blocked = event.is_read_closed() || event.is_error();
    Readiness {
        readable: event.is_readable() || read_until_blocked,
        writable: event.is_writable() || event.is_write_closed() || event.is_error(),
        read_until_blocked,
    }
}

/// Starts to connect. An event of `token` says when the attempt is over, whether it succeeded or not.
/// Events of both directions are asked for once and for all: an event comes only when something changes,
/// so this costs nothing.
pub(crate) fn connect(
    plan: &Plan,
    number: u64,
    registry: &Registry,
    token: Token,
) -> io::Result<Socket> {
    let mut tcp = match source(plan, number) {
        None => TcpStream::connect(plan.target)?,
        Some(source) => connect_from(source, plan.target)?,
    };
    tcp.set_nodelay(true)?;
    if plan.kernel_timestamps {
        stamps::ask(&tcp).map_err(cannot_stamp)?;
    }
    registry.register(&mut tcp, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(Socket { tcp, has_stamps: plan.kernel_timestamps })
}

fn cannot_stamp(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("ask for kernel timestamps: {error}"))
}

/// Returns the local address of a connection. Connections take the addresses in turn.
fn source(plan: &Plan, number: u64) -> Option<IpAddr> {
    let count = plan.source_ips.len() as u64;
    #[expect(clippy::cast_possible_truncation, reason = "the place is less than the length")]
    (count > 0).then(|| plan.source_ips[(number % count) as usize])
}

fn connect_from(source: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket =
        socket2::Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let_connect_choose_the_port(&socket);
    socket.bind(&SocketAddr::new(source, 0).into())?;
    match socket.connect(&target.into()) {
        Err(error) if !is_in_progress(&error) => return Err(error),
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// Lets the system choose the local port when it knows the target. Otherwise a port would be in use for
/// all targets, and there would be only about 28,000 ports.
#[cfg(target_os = "linux")]
fn let_connect_choose_the_port(socket: &socket2::Socket) {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
    // Older systems do not know the option.
    let _ = setsockopt(socket, IpBindAddressNoPort, &true);
}

#[cfg(not(target_os = "linux"))]
fn let_connect_choose_the_port(_: &socket2::Socket) {}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32)
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
