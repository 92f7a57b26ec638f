//! From a name to a connected socket.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use echo_common::socket::is_connected_to_itself;

use crate::deadline::Deadline;
use crate::error::{ClientError, ClientErrorKind};

/// Returns the addresses of a host, at least one, in the order that the resolver prefers.
///
/// `host` is a name or an address; an IPv6 address has no brackets. No timeout applies to the
/// resolver.
///
/// # Errors
/// [`ClientErrorKind::Resolve`].
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ClientError> {
    addresses((host, port), || format!("{host}:{port}"))
}

/// Returns the addresses of `server`, at least one. An error calls the server by `name`.
pub(crate) fn addresses(
    server: impl ToSocketAddrs,
    name: impl FnOnce() -> String,
) -> Result<Vec<SocketAddr>, ClientError> {
    let failure = match server.to_socket_addrs().map(Iterator::collect::<Vec<_>>) {
        Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
        Ok(_) => io::Error::new(io::ErrorKind::NotFound, "it has no address"),
        Err(error) => error,
    };
    Err(ClientError::new(name(), ClientErrorKind::Resolve { source: failure }))
}

/// Connects to the first of `addresses` that answers, or returns the error of the last attempt. Each
/// attempt may take an equal share of the remaining time.
pub(crate) fn connect(
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Result<(TcpStream, SocketAddr), ClientError> {
    let deadline = Deadline::after(timeout);
    let mut outcome = Err(nothing_to_connect_to());
    for (index, server) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        outcome = match deadline.remaining() {
            Some(remaining) => attempt(*server, remaining / left),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
        .map(|stream| (stream, *server))
        .map_err(|error| failure(*server, timeout, error));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn nothing_to_connect_to() -> ClientError {
    let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    ClientError::new("the server", ClientErrorKind::Resolve { source })
}

fn attempt(server: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    // The system function refuses a timeout of zero.
    not_itself(TcpStream::connect_timeout(&server, timeout.max(Duration::from_nanos(1)))?, server)
}

/// Refuses a socket that is connected to itself.
fn not_itself(stream: TcpStream, server: SocketAddr) -> io::Result<TcpStream> {
    if is_connected_to_itself(Ok(stream.local_addr()?), Ok(server)) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn failure(server: SocketAddr, timeout: Duration, source: io::Error) -> ClientError {
    let kind = match source.kind() {
        io::ErrorKind::ConnectionRefused => ClientErrorKind::Refused,
        io::ErrorKind::TimedOut => ClientErrorKind::ConnectTimeout { timeout },
        _ => ClientErrorKind::Connect { source },
    };
    ClientError::new(server, kind)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket2::{Domain, Socket, Type};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Returns an address that refuses connections, and the socket that reserves the address.
    fn refused() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    #[test]
    fn the_next_address_is_tried_when_one_refuses() {
        let (_socket, nobody) = refused();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let somebody = listener.local_addr().unwrap();
        let (_, server) = connect(&[nobody, somebody], LONG).unwrap();
        assert_eq!(server, somebody);
    }

    #[test]
    fn the_error_is_of_the_last_attempt() {
        let (_sockets, [one, other]) = {
            let (first, second) = (refused(), refused());
            ([first.0, second.0], [first.1, second.1])
        };
        let failure = connect(&[one, other], LONG).unwrap_err();
        assert!(matches!(failure.kind, ClientErrorKind::Refused), "{failure:?}");
        assert_eq!(failure.server, other.to_string());
    }

    #[test]
    fn a_server_without_an_address_is_an_error() {
        for failure in [connect(&[], LONG).err(), addresses(&[][..], String::new).err()] {
            let kind = failure.map(|failure| failure.kind);
            assert!(matches!(kind, Some(ClientErrorKind::Resolve { .. })), "{kind:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_attempt_to_connect_takes_no_longer_than_the_timeout() {
        let (socket, address) = refused();
        socket.listen(0).unwrap();
        // No program accepts these connections. Once the backlog is full, the kernel does not answer.
        let short = Duration::from_millis(200);
        let mut held = Vec::new();
        let failure = loop {
            match connect(&[address], short) {
                Ok(connected) => held.push(connected),
                Err(error) => break error,
            }
            assert!(held.len() < 100, "the backlog does not fill up");
        };
        assert!(matches!(failure.kind, ClientErrorKind::ConnectTimeout { .. }), "{failure}");
        assert_eq!(failure.server, address.to_string());
        // The attempt leaves time for the next address.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let next = listener.local_addr().unwrap();
        let connected = connect(&[address, next], Duration::from_secs(2));
        assert!(matches!(connected, Ok((_, server)) if server == next), "{connected:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_that_is_connected_to_itself_is_refused() {
        let (socket, address) = refused();
        socket.connect(&address.into()).unwrap();
        let refusal = not_itself(socket.into(), address).map_err(|error| error.kind());
        assert!(matches!(refusal, Err(io::ErrorKind::ConnectionRefused)), "{refusal:?}");
    }
}
