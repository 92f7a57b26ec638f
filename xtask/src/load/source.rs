//! Chooses the source address of connections. Each loopback address has about 28,000 ports of its own,
//! and a closed connection occupies its port for a minute.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use echo_tests::peer::with_deadlines;
use echo_tests::wait::DEADLINE;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Socket, Type};

/// Connects from 127.0.1.`source`. Every read and write on the stream has a deadline.
///
/// # Panics
/// If the server does not answer in time, or if the address has no free port.
#[track_caller]
pub(crate) fn connect_from(source: u8, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // Leaves the choice of the port to `connect`, which then only avoids ports in use with this server.
    setsockopt(&socket, IpBindAddressNoPort, &true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, source), 0)).into()).unwrap();
    socket.connect_timeout(&server.into(), DEADLINE).expect("the server answers");
    let stream = TcpStream::from(socket);
    with_deadlines(&stream);
    stream
}
