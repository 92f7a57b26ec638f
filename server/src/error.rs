//! Why a server could not start, or could not go on.

use std::io;
use std::net::SocketAddr;

/// A failure of the server as a whole. The failure of a connection ends only that connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// The server cannot listen on the address: it is in use, not of this machine, or not permitted.
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused an event queue or a waker.
    Poll(io::Error),
    /// Workers cannot be pinned to CPUs; the text says why.
    Pin(String),
    /// A thread could not be started.
    Spawn {
        /// The thread's name.
        thread: String,
        /// What the system said.
        source: io::Error,
    },
    /// The poller of a thread failed while the thread ran.
    Run {
        /// The thread's name.
        thread: String,
        /// What the system said.
        source: io::Error,
    },
    /// A thread panicked, which is a defect of the server. The other threads drained.
    Panic {
        /// The thread's name.
        thread: String,
    },
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen { address, source } => {
                write!(f, "listen on {address}: {}", explain(source))
            }
            Self::Poll(source) => write!(f, "create an event queue: {}", explain(source)),
            Self::Pin(reason) => write!(f, "pin workers: {reason}"),
            Self::Spawn { thread, source } => {
                write!(f, "start thread {thread}: {}", explain(source))
            }
            Self::Run { thread, source } => {
                write!(f, "wait for events in thread {thread}: {}", explain(source))
            }
            Self::Panic { thread } => write!(f, "thread {thread} panicked"),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. }
            | Self::Poll(source)
            | Self::Spawn { source, .. }
            | Self::Run { source, .. } => Some(source),
            Self::Pin(_) | Self::Panic { .. } => None,
        }
    }
}

/// Returns the common reasons in the same words on every system.
fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "not an address of this machine".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
