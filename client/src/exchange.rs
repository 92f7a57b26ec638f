//! One message and its reply.

use std::net::{Shutdown, TcpStream};
use std::panic;
use std::thread;

use crate::deadline::Deadline;
use crate::error::ClientErrorKind;
use crate::reply::{Reply, Verdict};
use crate::socket::{self, Broken, Receiver};

/// Maximum length of a message that is written whole before its reply is read.
///
/// Such a message fits into the socket buffers of every system, so writing it does not wait for the
/// server. A longer message is written and read at the same time: otherwise the client could wait for
/// the server to read while the server waits for the client to read.
const MAX_WRITTEN_FIRST_LEN: usize = 16 * 1024;

/// Size of the stack of a thread that only writes.
const SENDER_STACK_LEN: usize = 64 * 1024;

/// Maximum length of the right reply that a [`ClientErrorKind::Difference`] keeps.
const MAX_KEPT_LEN: usize = 256;

/// A line to send, and the deadline for its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) line: &'a [u8],
    pub(crate) deadline: Deadline,
}

impl Exchange<'_> {
    /// Sends the line, and returns when the server has sent exactly its bytes back.
    pub(crate) fn run(
        &self,
        stream: &TcpStream,
        receiver: &mut Receiver,
    ) -> Result<(), ClientErrorKind> {
        if self.line.len() > MAX_WRITTEN_FIRST_LEN {
            return self.receive_while_sending(stream, receiver);
        }
        self.send(stream).map_err(|broken| self.unsent(broken))?;
        self.receive(stream, receiver)
    }

    /// Writes on a second thread while the calling thread reads. A failure of one ends the other.
    fn receive_while_sending(
        &self,
        stream: &TcpStream,
        receiver: &mut Receiver,
    ) -> Result<(), ClientErrorKind> {
        let (received, sent) = thread::scope(|scope| {
            let sender = thread::Builder::new()
                .name("send".to_owned())
                .stack_size(SENDER_STACK_LEN)
                .spawn_scoped(scope, || self.send_or_shut_down(stream))
                .map_err(|source| ClientErrorKind::Thread { purpose: "a long message", source })?;
            let received = self.receive(stream, receiver);
            if received.is_err() {
                // Ends the sender. This call fails if the connection is gone already.
                let _ = stream.shutdown(Shutdown::Both);
            }
            let sent = sender.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            Ok((received, sent))
        })?;
        self.both(received, sent)
    }

    fn send(&self, stream: &TcpStream) -> Result<(), Broken> {
        socket::send(stream, self.line, &self.deadline)
    }

    fn send_or_shut_down(&self, stream: &TcpStream) -> Result<(), Broken> {
        let sent = self.send(stream);
        if matches!(sent, Err(Broken::Other(_))) {
            // The receiver notices every other failure itself, or by its deadline.
            let _ = stream.shutdown(Shutdown::Both);
        }
        sent
    }

    /// Reads until the whole line has come back, or until a byte differs.
    fn receive(&self, stream: &TcpStream, receiver: &mut Receiver) -> Result<(), ClientErrorKind> {
        let mut reply = Reply::new(self.line);
        loop {
            let received = receiver
                .receive(stream, &self.deadline)
                .map_err(|broken| self.unanswered(broken, reply.matched_len()))?;
            match reply.take(received) {
                Verdict::Partial => {}
                Verdict::Complete => return Ok(()),
                Verdict::Differs(at) => {
                    let received = received.get(at..).unwrap_or_default();
                    return Err(self.difference(&reply, received));
                }
                Verdict::Surplus(at) => {
                    let received = received.get(at..).unwrap_or_default().into();
                    let matched_len = self.line.len();
                    return Err(ClientErrorKind::Surplus { matched_len, received });
                }
            }
        }
    }

    /// Combines the outcome of receiving and the outcome of sending.
    fn both(
        &self,
        received: Result<(), ClientErrorKind>,
        sent: Result<(), Broken>,
    ) -> Result<(), ClientErrorKind> {
        match (received, sent) {
            (Ok(()), Err(broken)) => Err(self.unsent(broken)),
            // The sender received the socket's error, which the system reports only once. The
            // receiver then saw nothing but the end of the stream.
            (
                Err(error @ (ClientErrorKind::EarlyClose { .. } | ClientErrorKind::Short { .. })),
                Err(broken @ (Broken::Reset | Broken::Other(_))),
            ) => Err(self.unanswered(broken, error.received().0)),
            (received, _) => received,
        }
    }

    fn unsent(&self, broken: Broken) -> ClientErrorKind {
        let timeout = self.deadline.timeout();
        match broken {
            Broken::TimedOut => {
                ClientErrorKind::SendTimeout { timeout, message_len: self.line.len() }
            }
            Broken::Closed | Broken::Reset | Broken::Finished | Broken::Other(_) => {
                self.unanswered(broken, 0)
            }
        }
    }

    fn unanswered(&self, broken: Broken, matched_len: usize) -> ClientErrorKind {
        let expected_len = self.line.len();
        match broken {
            Broken::Closed | Broken::Finished if matched_len == 0 => {
                ClientErrorKind::EarlyClose { expected_len }
            }
            Broken::Closed | Broken::Finished => {
                ClientErrorKind::Short { expected_len, matched_len }
            }
            Broken::TimedOut => {
                let timeout = self.deadline.timeout();
                ClientErrorKind::Timeout { timeout, expected_len, matched_len }
            }
            Broken::Reset => ClientErrorKind::Reset { expected_len, matched_len },
            Broken::Other(source) => ClientErrorKind::Connection { source },
        }
    }

    fn difference(&self, reply: &Reply<'_>, received: &[u8]) -> ClientErrorKind {
        let awaited = reply.awaited();
        ClientErrorKind::Difference {
            matched_len: reply.matched_len(),
            expected_len: self.line.len(),
            expected: awaited.get(..MAX_KEPT_LEN).unwrap_or(awaited).into(),
            received: received.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    /// Returns the error of an exchange whose receiver got `matched_len` right bytes before `end`.
    fn joined(end: Broken, matched_len: usize, sent: Result<(), Broken>) -> ClientErrorKind {
        let exchange =
            Exchange { line: b"hello\n", deadline: Deadline::after(Duration::from_secs(1)) };
        let received = Err(exchange.unanswered(end, matched_len));
        exchange.both(received, sent).unwrap_err()
    }

    #[test]
    fn an_error_of_the_sender_explains_the_end_of_the_stream() {
        let failure = joined(Broken::Closed, 3, Err(Broken::Reset));
        assert!(matches!(failure, ClientErrorKind::Reset { matched_len: 3, .. }), "{failure:?}");
        let failure = joined(Broken::Closed, 0, Err(Broken::Other(io::ErrorKind::Other.into())));
        assert!(matches!(failure, ClientErrorKind::Connection { .. }), "{failure:?}");
    }

    #[test]
    fn the_end_of_the_stream_explains_why_the_sender_stopped() {
        let failure = joined(Broken::Closed, 3, Err(Broken::Finished));
        assert!(matches!(failure, ClientErrorKind::Short { matched_len: 3, .. }), "{failure:?}");
        let failure = joined(Broken::Closed, 0, Ok(()));
        assert!(matches!(failure, ClientErrorKind::EarlyClose { .. }), "{failure:?}");
        let failure = joined(Broken::TimedOut, 3, Err(Broken::Reset));
        assert!(matches!(failure, ClientErrorKind::Timeout { matched_len: 3, .. }), "{failure:?}");
    }
}
