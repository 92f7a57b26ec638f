//! How one client can fail.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use echo_common::escape::Escaped;

/// As much of a text as an error shows.
const MAX_SHOWN_LEN: usize = 64;

/// Why a connection could not be made, or an echo was not right. Each is one sentence that names
/// the server, what was expected and what came. After any of them the connection is of no more use.
#[derive(Debug)]
pub enum ClientError {
    /// The server's name has no address.
    Resolve {
        /// The name as it was given.
        server: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// Nobody listens there.
    Refused {
        /// The address tried last.
        server: SocketAddr,
    },
    /// The server did not answer the attempt to connect.
    ConnectTimeout {
        /// The address tried last.
        server: SocketAddr,
        /// How long all attempts together were allowed to take.
        timeout: Duration,
    },
    /// Connecting failed for another reason.
    Connect {
        /// The address tried last.
        server: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A byte of the reply is not the byte that was sent.
    Difference {
        /// The peer.
        server: SocketAddr,
        /// How many right bytes came before it.
        matched_len: usize,
        /// The length of the right reply.
        expected_len: usize,
        /// The beginning of what should have come from there on.
        expected: Box<[u8]>,
        /// What came from there on, as far as it was read.
        received: Box<[u8]>,
    },
    /// The server ended the connection before the first byte of a reply.
    EarlyClose {
        /// The peer.
        server: SocketAddr,
        /// The length of the right reply.
        expected_len: usize,
    },
    /// The server ended the connection in mid-reply.
    Short {
        /// The peer.
        server: SocketAddr,
        /// The length of the right reply.
        expected_len: usize,
        /// How many bytes of it came, all of them right.
        matched_len: usize,
    },
    /// The server reset the connection.
    Reset {
        /// The peer.
        server: SocketAddr,
        /// The length of the right reply; 0 when none was due.
        expected_len: usize,
        /// How many bytes of it came, all of them right.
        matched_len: usize,
    },
    /// The reply was not complete in time.
    Timeout {
        /// The peer.
        server: SocketAddr,
        /// How long it was allowed to take.
        timeout: Duration,
        /// The length of the right reply.
        expected_len: usize,
        /// How many bytes of it came, all of them right.
        matched_len: usize,
    },
    /// The server did not take the whole message in time.
    SendTimeout {
        /// The peer.
        server: SocketAddr,
        /// How long it was allowed to take.
        timeout: Duration,
        /// The length of the message.
        message_len: usize,
    },
    /// More came than was sent.
    Surplus {
        /// The peer.
        server: SocketAddr,
        /// The length of the right reply before it; 0 when it came at the end.
        matched_len: usize,
        /// What came, as far as it was read.
        received: Box<[u8]>,
    },
    /// After the client finished, the server did not finish its side in time.
    NotClosed {
        /// The peer.
        server: SocketAddr,
        /// How long it was allowed to take.
        timeout: Duration,
    },
    /// The connection failed for another reason.
    Connection {
        /// The peer.
        server: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gave no thread.
    Thread {
        /// What it was for.
        purpose: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl ClientError {
    /// What came of the reply: the number of right bytes, and the wrong ones after them as far as
    /// they were read. What came after a right reply is no part of it.
    #[must_use]
    pub fn received(&self) -> (usize, &[u8]) {
        match self {
            Self::Difference { matched_len, received, .. } => (*matched_len, received),
            Self::Short { matched_len, .. }
            | Self::Reset { matched_len, .. }
            | Self::Surplus { matched_len, .. }
            | Self::Timeout { matched_len, .. } => (*matched_len, &[]),
            Self::Resolve { .. }
            | Self::Refused { .. }
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
        match self {
            Self::Resolve { server, source } => write!(f, "resolve {server}: {source}"),
            Self::Refused { server } => write!(f, "connect to {server}: connection refused"),
            Self::ConnectTimeout { server, timeout } => {
                write!(f, "connect to {server}: no answer within {timeout:?}")
            }
            Self::Connect { server, source } => write!(f, "connect to {server}: {source}"),
            Self::Difference { server, matched_len, expected_len, expected, received } => write!(
                f,
                "the reply from {server} differs at byte {} of {expected_len}: expected \"{}\", \
                 got \"{}\"",
                matched_len + 1,
                Escaped::new(expected, MAX_SHOWN_LEN),
                Escaped::new(received, MAX_SHOWN_LEN),
            ),
            Self::EarlyClose { server, expected_len } => write!(
                f,
                "{server} closed the connection before its reply: expected {expected_len} bytes, \
                 got none"
            ),
            Self::Short { server, expected_len, matched_len } => write!(
                f,
                "{server} closed the connection in mid-reply: expected {expected_len} bytes, got \
                 {matched_len}"
            ),
            Self::Reset { server, expected_len: 0, .. } => {
                write!(f, "{server} reset the connection: expected it to be closed")
            }
            Self::Reset { server, expected_len, matched_len } => write!(
                f,
                "{server} reset the connection: expected {expected_len} bytes, got {matched_len}"
            ),
            Self::Timeout { server, timeout, expected_len, matched_len } => write!(
                f,
                "no whole reply from {server} within {timeout:?}: expected {expected_len} bytes, \
                 got {matched_len}"
            ),
            Self::SendTimeout { server, timeout, message_len } => {
                write!(f, "{server} did not take all {message_len} bytes within {timeout:?}")
            }
            Self::Surplus { server, received, .. } => write!(
                f,
                "{server} sent more than the reply: expected nothing, got \"{}\"",
                Escaped::new(received, MAX_SHOWN_LEN)
            ),
            Self::NotClosed { server, timeout } => write!(
                f,
                "{server} did not end the connection: expected its end within {timeout:?}, got \
                 nothing"
            ),
            Self::Connection { server, source } => write!(f, "connection to {server}: {source}"),
            Self::Thread { purpose, source } => {
                write!(f, "start a thread for {purpose}: {source}")
            }
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Resolve { source, .. }
            | Self::Connect { source, .. }
            | Self::Connection { source, .. }
            | Self::Thread { source, .. } => Some(source),
            Self::Refused { .. }
            | Self::ConnectTimeout { .. }
            | Self::Difference { .. }
            | Self::EarlyClose { .. }
            | Self::Short { .. }
            | Self::Reset { .. }
            | Self::Timeout { .. }
            | Self::SendTimeout { .. }
            | Self::Surplus { .. }
            | Self::NotClosed { .. } => None,
        }
    }
}
