//! Opens a connection, without waiting for it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::stamps::Stamps;
use crate::plan::Plan;

/// Starts to connect; an event of `token` tells that it is done, well or not. Both directions are
/// asked for once and for all: events come when something changes, so that costs nothing.
pub(crate) fn connect(
    plan: &Plan,
    number: u64,
    registry: &Registry,
    token: Token,
) -> io::Result<TcpStream> {
    let mut stream = match source(plan, number) {
        None => TcpStream::connect(plan.target)?,
        Some(source) => connect_from(source, plan.target)?,
    };
    stream.set_nodelay(true)?;
    if plan.kernel_timestamps {
        Stamps::ask(&stream).map_err(cannot_stamp)?;
    }
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

fn cannot_stamp(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("ask for the time at which the system receives: {error}"))
}

/// Each connection has its address, in turn.
fn source(plan: &Plan, number: u64) -> Option<IpAddr> {
    let count = plan.source_ips.len() as u64;
    #[allow(clippy::cast_possible_truncation)] // Less than the length.
    (count > 0).then(|| plan.source_ips[(number % count) as usize])
}

fn connect_from(source: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let_connect_choose_the_port(&socket);
    socket.bind(&SocketAddr::new(source, 0).into())?;
    match socket.connect(&target.into()) {
        Err(error) if !is_in_progress(&error) => return Err(error),
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// Otherwise the port would be taken for all targets, and there would be 28,000 of them in all.
#[cfg(target_os = "linux")]
fn let_connect_choose_the_port(socket: &Socket) {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
    // Older systems do without.
    let _ = setsockopt(socket, IpBindAddressNoPort, &true);
}

#[cfg(not(target_os = "linux"))]
fn let_connect_choose_the_port(_: &Socket) {}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32)
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
