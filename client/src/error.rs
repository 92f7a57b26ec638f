//! Why a client fails.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use echo_common::escape::Escaped;

/// Maximum number of bytes of a text that an error shows.
const MAX_SHOWN_LEN: usize = 64;

/// Why a client could not connect, or why an echo was wrong.
///
/// The text is one sentence that names the server, what the client expected and what it received.
/// The connection is of no more use after an error.
#[derive(Debug)]
pub struct ClientError {
    /// The server's address, or the name that the caller gave when the name has no address.
    pub server: String,
    /// What went wrong.
    pub kind: ClientErrorKind,
}

/// What went wrong between a client and its server.
#[derive(Debug)]
pub enum ClientErrorKind {
    /// The server's name has no address.
    Resolve {
        /// The resolver's error.
        source: io::Error,
    },
    /// No program listens on the address that was tried last.
    Refused,
    /// The server did not answer the attempts to connect.
    ConnectTimeout {
        /// How long all attempts together were allowed to take.
        timeout: Duration,
    },
    /// The last attempt to connect failed for another reason.
    Connect {
        /// The system's error.
        source: io::Error,
    },
    /// A byte of the reply is not the byte that was sent.
    Difference {
        /// Number of right bytes before the wrong one.
        matched_len: usize,
        /// Length of the right reply.
        expected_len: usize,
        /// The beginning of the right bytes from the difference on.
        expected: Box<[u8]>,
        /// The received bytes from the difference on, as far as they were read.
        received: Box<[u8]>,
    },
    /// The server ended the connection before the first byte of a reply.
    EarlyClose {
        /// Length of the right reply.
        expected_len: usize,
    },
    /// The server ended the connection in mid-reply.
    Short {
        /// Length of the right reply.
        expected_len: usize,
        /// Number of bytes that the client received, all of them right.
        matched_len: usize,
    },
    /// The server reset the connection.
    Reset {
        /// Length of the right reply; 0 when no reply was due.
        expected_len: usize,
        /// Number of bytes that the client received, all of them right.
        matched_len: usize,
    },
    /// The reply was not complete in time.
    Timeout {
        /// How long the exchange was allowed to take.
        timeout: Duration,
        /// Length of the right reply.
        expected_len: usize,
        /// Number of bytes that the client received, all of them right.
        matched_len: usize,
    },
    /// The server did not take the whole message in time.
    SendTimeout {
        /// How long the exchange was allowed to take.
        timeout: Duration,
        /// Length of the message.
        message_len: usize,
    },
    /// The server sent more bytes than it received.
    Surplus {
        /// Length of the right reply before the surplus; 0 when the surplus came at the end.
        matched_len: usize,
        /// The surplus, as far as it was read.
        received: Box<[u8]>,
    },
    /// The client finished its side, and the server did not finish its own in time.
    NotClosed {
        /// How long the server was allowed to take.
        timeout: Duration,
    },
    /// The connection failed for another reason.
    Connection {
        /// The system's error.
        source: io::Error,
    },
    /// The system refused to start a thread.
    Thread {
        /// The thread's task.
        purpose: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

impl ClientError {
    pub(crate) fn new(server: impl ToString, kind: ClientErrorKind) -> Self {
        Self { server: server.to_string(), kind }
    }
}

impl ClientErrorKind {
    /// Returns the number of right bytes of the reply, and the wrong bytes after them as far as the
    /// client read them. Bytes after a right reply are no part of the reply.
    #[must_use]
    pub fn received(&self) -> (usize, &[u8]) {
        match self {
            Self::Difference { matched_len, received, .. } => (*matched_len, received),
            Self::Short { matched_len, .. }
            | Self::Reset { matched_len, .. }
            | Self::Surplus { matched_len, .. }
            | Self::Timeout { matched_len, .. } => (*matched_len, &[]),
            Self::Resolve { .. }
            | Self::Refused
            | Self::ConnectTimeout { .. }
            | Self::Connect { .. }
            | Self::EarlyClose { .. }
            | Self::SendTimeout { .. }
            | Self::NotClosed { .. }
            | Self::Connection { .. }
            | Self::Thread { .. } => (0, &[]),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ClientErrorKind::{
            Connect, ConnectTimeout, Connection, Difference, EarlyClose, NotClosed, Refused, Reset,
            Resolve, SendTimeout, Short, Surplus, Thread, Timeout,
        };
        let server = &self.server;
        match &self.kind {
            Resolve { source } => write!(f, "resolve {server}: {source}"),
            Refused => write!(f, "connect to {server}: connection refused"),
            ConnectTimeout { timeout } => {
                write!(f, "connect to {server}: no answer within {timeout:?}")
            }
            Connect { source } => write!(f, "connect to {server}: {source}"),
            Difference { matched_len, expected_len, expected, received } => write!(
                f,
                "the reply from {server} differs at byte {} of {expected_len}: expected \"{}\", \
                 got \"{}\"",
                matched_len + 1,
                Escaped::new(expected, MAX_SHOWN_LEN),
                Escaped::new(received, MAX_SHOWN_LEN),
            ),
            EarlyClose { expected_len } => write!(
                f,
                "{server} closed the connection before its reply: expected {expected_len} bytes, \
                 got none"
            ),
            Short { expected_len, matched_len } => write!(
                f,
                "{server} closed the connection in mid-reply: expected {expected_len} bytes, got \
                 {matched_len}"
            ),
            Reset { expected_len: 0, .. } => {
                write!(f, "{server} reset the connection: expected it to be closed")
            }
            Reset { expected_len, matched_len } => write!(
                f,
                "{server} reset the connection: expected {expected_len} bytes, got {matched_len}"
            ),
            Timeout { timeout, expected_len, matched_len } => write!(
                f,
                "no whole reply from {server} within {timeout:?}: expected {expected_len} bytes, \
                 got {matched_len}"
            ),
            SendTimeout { timeout, message_len } => {
                write!(f, "{server} did not take all {message_len} bytes within {timeout:?}")
            }
            Surplus { received, .. } => write!(
                f,
                "{server} sent more than the reply: expected nothing, got \"{}\"",
                Escaped::new(received, MAX_SHOWN_LEN)
            ),
            NotClosed { timeout } => write!(
                f,
                "{server} did not end the connection: expected its end within {timeout:?}, got \
                 nothing"
            ),
            Connection { source } => write!(f, "connection to {server}: {source}"),
            Thread { purpose, source } => write!(f, "start a thread for {purpose}: {source}"),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            ClientErrorKind::Resolve { source }
            | ClientErrorKind::Connect { source }
            | ClientErrorKind::Connection { source }
            | ClientErrorKind::Thread { source, .. } => Some(source),
            ClientErrorKind::Refused
            | ClientErrorKind::ConnectTimeout { .. }
            | ClientErrorKind::Difference { .. }
            | ClientErrorKind::EarlyClose { .. }
            | ClientErrorKind::Short { .. }
            | ClientErrorKind::Reset { .. }
            | ClientErrorKind::Timeout { .. }
            | ClientErrorKind::SendTimeout { .. }
            | ClientErrorKind::Surplus { .. }
            | ClientErrorKind::NotClosed { .. } => None,
        }
    }
}
