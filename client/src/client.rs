//! One connection to an echo server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::connect;
use crate::deadline::Deadline;
use crate::error::ClientError;
use crate::exchange::Exchange;
use crate::line::Line;
use crate::socket::{Broken, Receiver};

/// A connection to an echo server. After an error it is of no more use.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    server: SocketAddr,
    timeout: Duration,
    receiver: Receiver,
}

impl Client {
    /// Connects to `server`: to each of its addresses in turn, until one answers. `timeout` is
    /// allowed for this, for each echo and for the end; it must be longer than zero. The time that a
    /// name server takes comes on top.
    ///
    /// # Errors
    /// [`ClientError::Resolve`], [`Refused`](ClientError::Refused),
    /// [`ConnectTimeout`](ClientError::ConnectTimeout), [`Connect`](ClientError::Connect).
    pub fn connect(server: impl ToSocketAddrs, timeout: Duration) -> Result<Self, ClientError> {
        let addresses = connect::addresses(server, || "the server".to_owned())?;
        let (stream, server) = connect::connect(&addresses, timeout)?;
        let set_up = || {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))
        };
        set_up().map_err(|source| ClientError::Connect { server, source })?;
        Ok(Self { stream, server, timeout, receiver: Receiver::new(timeout) })
    }

    /// The address of the server that answered.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Sends `message` and a newline, and returns when exactly these bytes came back. To send one
    /// message many times, make a [`Line`] of it once and use [`echo_line`](Self::echo_line).
    ///
    /// # Errors
    /// As [`echo_line`](Self::echo_line).
    pub fn echo(&mut self, message: &[u8]) -> Result<(), ClientError> {
        self.echo_line(&Line::new(message))
    }

    /// Sends `line`, and returns when exactly its bytes came back. However long the line is, and
    /// however little the server reads before it writes, this does not deadlock.
    ///
    /// # Errors
    /// [`ClientError::Difference`], [`EarlyClose`](ClientError::EarlyClose),
    /// [`Short`](ClientError::Short), [`Reset`](ClientError::Reset),
    /// [`Timeout`](ClientError::Timeout), [`SendTimeout`](ClientError::SendTimeout),
    /// [`Surplus`](ClientError::Surplus) when the surplus came with the reply,
    /// [`Connection`](ClientError::Connection), [`Thread`](ClientError::Thread).
    pub fn echo_line(&mut self, line: &Line) -> Result<(), ClientError> {
        let deadline = Deadline::after(self.timeout);
        let exchange = Exchange { server: self.server, line: line.as_bytes(), deadline };
        exchange.run(&self.stream, &mut self.receiver)
    }

    /// Finishes our side, and returns when the server finished its own with nothing left to come.
    ///
    /// # Errors
    /// [`ClientError::Surplus`], [`Reset`](ClientError::Reset),
    /// [`NotClosed`](ClientError::NotClosed), [`Connection`](ClientError::Connection).
    pub fn finish(mut self) -> Result<(), ClientError> {
        let server = self.server;
        let deadline = Deadline::after(self.timeout);
        match self.stream.shutdown(Shutdown::Write) {
            // Gone already: how it went is what the read tells.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(source) => return Err(ClientError::Connection { server, source }),
            Ok(()) => {}
        }
        match self.receiver.receive(&self.stream, &deadline) {
            Err(Broken::Closed) => Ok(()),
            Ok(received) => {
                Err(ClientError::Surplus { server, matched_len: 0, received: received.into() })
            }
            Err(Broken::TimedOut) => {
                Err(ClientError::NotClosed { server, timeout: deadline.timeout() })
            }
            Err(Broken::Reset | Broken::Finished) => {
                Err(ClientError::Reset { server, expected_len: 0, matched_len: 0 })
            }
            Err(Broken::Other(source)) => Err(ClientError::Connection { server, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A server for one connection; it ends with the test process.
    fn serve(script: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || script(listener.accept().unwrap().0));
        address
    }

    fn echo(mut stream: TcpStream) {
        let mut buffer = [0; 1024];
        while let Ok(received @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..received]).unwrap();
        }
    }

    #[test]
    fn messages_and_lines_are_echoed_and_the_end_is_clean() {
        let server = serve(echo);
        let mut client = Client::connect(server, LONG).unwrap();
        assert_eq!(client.server(), server);
        assert!(client.stream.nodelay().unwrap());
        client.echo(b"hello").unwrap();
        client.echo(b"").unwrap();
        let line = Line::new(vec![0; 1024 * 1024]);
        client.echo_line(&line).unwrap();
        client.echo_line(&line).unwrap();
        client.finish().unwrap();
    }

    #[test]
    fn a_long_message_that_is_answered_and_not_read_is_not_sent() {
        const LEN: usize = 64 * 1024 * 1024;
        let server = serve(|mut stream| {
            stream.write_all(&vec![0; LEN]).unwrap();
            stream.write_all(b"\n").unwrap();
            thread::park();
        });
        let mut client = Client::connect(server, Duration::from_secs(2)).unwrap();
        let failure = client.echo(&vec![0; LEN]);
        assert!(
            matches!(failure, Err(ClientError::SendTimeout { message_len, .. })
                if message_len == LEN + 1),
            "{failure:?}"
        );
    }
}
