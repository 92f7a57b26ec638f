//! One connection to an echo server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::connect;
use crate::deadline::Deadline;
use crate::error::{ClientError, ClientErrorKind};
use crate::exchange::Exchange;
use crate::line::Line;
use crate::socket::{Broken, Receiver};

/// A connection to an echo server. It is of no more use after an error.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    server: SocketAddr,
    timeout: Duration,
    receiver: Receiver,
}

impl Client {
    /// Connects to `server`. Tries each of its addresses in turn until one answers.
    ///
    /// The attempts together may take `timeout`, and so may each echo and the end of the connection.
    /// The timeout must be longer than zero. It does not include the time of a name server.
    ///
    /// # Errors
    /// [`ClientErrorKind::Resolve`], [`Refused`](ClientErrorKind::Refused),
    /// [`ConnectTimeout`](ClientErrorKind::ConnectTimeout), [`Connect`](ClientErrorKind::Connect).
    pub fn connect(server: impl ToSocketAddrs, timeout: Duration) -> Result<Self, ClientError> {
        let addresses = connect::addresses(server, || "the server".to_owned())?;
        let (stream, server) = connect::connect(&addresses, timeout)?;
        let set_up = || {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))
        };
        set_up().map_err(|source| ClientError::new(server, ClientErrorKind::Connect { source }))?;
        Ok(Self { stream, server, timeout, receiver: Receiver::new(timeout) })
    }

    /// Returns the address of the server that answered.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Sends `message` and a newline, and returns when the server has sent exactly these bytes back.
    /// To send one message many times, create a [`Line`] once and call
    /// [`echo_line`](Self::echo_line).
    ///
    /// # Errors
    /// Those of [`echo_line`](Self::echo_line).
    pub fn echo(&mut self, message: &[u8]) -> Result<(), ClientError> {
        self.echo_line(&Line::new(message))
    }

    /// Sends `line`, and returns when the server has sent exactly its bytes back. Does not deadlock,
    /// even if the line is long and the server writes before it has read all of it.
    ///
    /// # Errors
    /// [`ClientErrorKind::Difference`], [`EarlyClose`](ClientErrorKind::EarlyClose),
    /// [`Short`](ClientErrorKind::Short), [`Reset`](ClientErrorKind::Reset),
    /// [`Timeout`](ClientErrorKind::Timeout), [`SendTimeout`](ClientErrorKind::SendTimeout),
    /// [`Surplus`](ClientErrorKind::Surplus) when the surplus arrived with the reply,
    /// [`Connection`](ClientErrorKind::Connection), [`Thread`](ClientErrorKind::Thread).
    pub fn echo_line(&mut self, line: &Line) -> Result<(), ClientError> {
        let deadline = Deadline::after(self.timeout);
        Exchange { line: line.as_bytes(), deadline }
            .run(&self.stream, &mut self.receiver)
            .map_err(|kind| ClientError::new(self.server, kind))
    }

    /// Finishes this side, and returns when the server has finished its side and sent nothing more.
    ///
    /// # Errors
    /// [`ClientErrorKind::Surplus`], [`Reset`](ClientErrorKind::Reset),
    /// [`NotClosed`](ClientErrorKind::NotClosed), [`Connection`](ClientErrorKind::Connection).
    pub fn finish(mut self) -> Result<(), ClientError> {
        self.receive_end().map_err(|kind| ClientError::new(self.server, kind))
    }

    fn receive_end(&mut self) -> Result<(), ClientErrorKind> {
        let deadline = Deadline::after(self.timeout);
        match self.stream.shutdown(Shutdown::Write) {
            // The connection is gone already; the read below finds out how it ended.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(source) => return Err(ClientErrorKind::Connection { source }),
            Ok(()) => {}
        }
        match self.receiver.receive(&self.stream, &deadline) {
            Err(Broken::Closed) => Ok(()),
            Ok(received) => {
                Err(ClientErrorKind::Surplus { matched_len: 0, received: received.into() })
            }
            Err(Broken::TimedOut) => {
                Err(ClientErrorKind::NotClosed { timeout: deadline.timeout() })
            }
            Err(Broken::Reset | Broken::Finished) => {
                Err(ClientErrorKind::Reset { expected_len: 0, matched_len: 0 })
            }
            Err(Broken::Other(source)) => Err(ClientErrorKind::Connection { source }),
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

    /// Starts a server for one connection. The server ends with the test process.
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
    fn messages_and_lines_are_echoed_and_the_connection_ends_cleanly() {
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
    fn a_server_that_answers_a_long_message_without_reading_it_is_an_error() {
        const LEN: usize = 64 * 1024 * 1024;
        let server = serve(|mut stream| {
            stream.write_all(&vec![0; LEN]).unwrap();
            stream.write_all(b"\n").unwrap();
            thread::park();
        });
        let mut client = Client::connect(server, Duration::from_secs(2)).unwrap();
        let failure = client.echo(&vec![0; LEN]).unwrap_err();
        assert!(
            matches!(failure.kind, ClientErrorKind::SendTimeout { message_len, .. }
                if message_len == LEN + 1),
            "{failure:?}"
        );
    }
}
