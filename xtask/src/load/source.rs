//! Where connections come from: each loopback address has some 28,000 ports of its own, and a closed
//! connection keeps its port for a minute.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use echo_tests::peer::with_deadlines;
use echo_tests::wait::DEADLINE;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Socket, Type};

/// Connects from 127.0.1.`source`; every read and write has the deadline.
///
/// # Panics
/// When nobody answers in time, or the address has no port left.
#[track_caller]
pub(crate) fn connect_from(source: u8, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // The port is chosen by `connect`, which knows what it must differ from.
    setsockopt(&socket, IpBindAddressNoPort, &true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, source), 0)).into()).unwrap();
    socket.connect_timeout(&server.into(), DEADLINE).expect("the server answers");
    let stream = TcpStream::from(socket);
    with_deadlines(&stream);
    stream
}
