//! The system's sockets: the listener with its options, and the socket of a connection.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use echo_common::socket;
use log::debug;
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, TcpKeepalive, Type};

use crate::seams::listener::Listener;
use crate::seams::stream::Stream;

/// The system asks a peer that is silent for this long whether it is alive...
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);

/// ...and again at this interval, as often as the system is set to.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum number of bytes by which the system may overfill a receive buffer: one packet, which with
/// BIG TCP has up to half a mebibyte.
const MAX_OVERFILL_LEN: usize = 512 * 1024;

/// A socket that listens.
pub(crate) type ListeningSocket = TcpListener;

/// Listens without blocking. `::` serves both address families.
///
/// `SO_REUSEPORT` is not set, because with it a second server could start on the same port and would
/// take half of the connections.
pub(crate) fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket =
        socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip().is_unspecified() && address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restarted server can listen at once, although old connections are in TIME_WAIT. On Windows the
    // option would let another program take over a port in use.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if INHERITED {
        set_connection_options(&socket)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Whether a connection inherits the options of its listener.
const INHERITED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The socket of a connection.
pub(crate) struct Socket(TcpStream);

impl Socket {
    /// Returns what mio registers.
    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.0
    }
}

impl Listener for TcpListener {
    type Stream = Socket;

    fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        let (stream, peer) = Self::accept(self).map_err(system::name_accept_error)?;
        if !INHERITED && let Err(error) = set_connection_options(&SockRef::from(&stream)) {
            debug!("prepare peer={peer} error=\"{error}\"");
        }
        Ok((Socket(stream), peer))
    }
}

fn set_connection_options(socket: &socket2::Socket) -> io::Result<()> {
    // An echo is sent when it is due; the system must not wait for more bytes.
    socket.set_tcp_nodelay(true)?;
    // Urgent data is data: it arrives in its place among the other bytes and goes back there.
    socket.set_out_of_band_inline(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME);
    #[cfg(any(
        target_os = "android",
        target_os = "freebsd",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos",
        target_os = "netbsd",
        windows,
    ))]
    let keepalive = keepalive.with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)
}

impl Stream for Socket {
    fn finish(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    fn acked_len(&self) -> Option<u64> {
        system::acked_len(&self.0)
    }

    fn begin_end(&mut self) -> usize {
        SockRef::from(&self.0).recv_buffer_size().unwrap_or(0) + MAX_OVERFILL_LEN
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        socket::receive(&mut self.0, buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        socket::send(&mut self.0, bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;

    use mio::net::TcpStream;
    use nix::errno::Errno;
    use nix::sys::socket::getsockopt;
    use nix::{getsockopt_impl, libc, sockopt_impl};

    // The beginning of `struct tcp_info` up to `tcpi_bytes_acked`, in words; tcp(7), linux/tcp.h.
    sockopt_impl!(TcpInfo, GetOnly, libc::IPPROTO_TCP, libc::TCP_INFO, [u64; 16]);

    /// Gives four errors the kind of a connection that went away. Linux returns an error that is
    /// pending on the new socket as an error of accept(2), and the standard library has no kind for
    /// these.
    pub(super) fn name_accept_error(error: io::Error) -> io::Error {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPROTO | Errno::EHOSTDOWN | Errno::ENONET | Errno::ENOPROTOOPT) => {
                io::Error::new(io::ErrorKind::ConnectionAborted, error)
            }
            _ => error,
        }
    }

    pub(super) fn acked_len(stream: &TcpStream) -> Option<u64> {
        let [.., bytes_acked] = getsockopt(stream, TcpInfo).ok()?;
        Some(bytes_acked)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    use mio::net::TcpStream;

    pub(super) fn name_accept_error(error: io::Error) -> io::Error {
        error
    }

    pub(super) fn acked_len(_: &TcpStream) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn every_documented_error_of_accept_has_a_kind_that_says_what_to_do() {
        use std::io::{Error, ErrorKind};

        use nix::errno::Errno as E;

        use super::system::name_accept_error;

        for (errno, kind) in [
            (E::EAGAIN, ErrorKind::WouldBlock),
            (E::EINTR, ErrorKind::Interrupted),
            (E::ECONNABORTED, ErrorKind::ConnectionAborted),
            (E::ECONNRESET, ErrorKind::ConnectionReset),
            (E::EPROTO, ErrorKind::ConnectionAborted),
            (E::EPERM, ErrorKind::PermissionDenied),
            (E::ENETDOWN, ErrorKind::NetworkDown),
            (E::ENETUNREACH, ErrorKind::NetworkUnreachable),
            (E::EHOSTDOWN, ErrorKind::ConnectionAborted),
            (E::EHOSTUNREACH, ErrorKind::HostUnreachable),
            (E::ENONET, ErrorKind::ConnectionAborted),
            (E::ENOPROTOOPT, ErrorKind::ConnectionAborted),
            (E::ENOMEM, ErrorKind::OutOfMemory),
            (E::EINVAL, ErrorKind::InvalidInput),
        ] {
            let error = name_accept_error(Error::from_raw_os_error(errno as i32));
            assert_eq!(error.kind(), kind, "{errno}");
        }
        // The standard library has no stable kind for these, so they pass unchanged.
        for errno in [E::EMFILE, E::ENFILE, E::ENOBUFS, E::EBADF] {
            let error = name_accept_error(Error::from_raw_os_error(errno as i32));
            assert_eq!(error.raw_os_error(), Some(errno as i32), "{errno}");
        }
    }
}
