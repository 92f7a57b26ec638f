//! Why connections end. Pure.

use std::io::ErrorKind;

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Idle,
    Shutdown,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The peer finished and has got everything back.
    Finished,
    /// The peer or its system reset the connection, or went away.
    Reset,
    /// Nothing moved for the idle timeout; what the peer did not take in the linger is lost.
    Idle,
    /// The server is stopping; the peer has got everything back.
    Shutdown,
    /// The drain timeout passed while the peer was owed bytes.
    Cut,
    /// Another error of the connection.
    Failed,
}

impl CloseReason {
    /// Whether somebody may want to know why.
    pub(crate) fn is_trouble(self) -> bool {
        matches!(self, Self::Reset | Self::Cut | Self::Failed)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::Shutdown => "shutdown",
            Self::Cut => "cut",
            Self::Failed => "failed",
        }
    }
}

impl From<Cause> for CloseReason {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Idle => Self::Idle,
            Cause::Shutdown => Self::Shutdown,
        }
    }
}

impl From<ErrorKind> for CloseReason {
    fn from(kind: ErrorKind) -> Self {
        use ErrorKind as K;
        match kind {
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::NotConnected => {
                Self::Reset
            }
            // Keepalive and retransmission give up with these.
            K::TimedOut | K::HostUnreachable | K::NetworkUnreachable => Self::Reset,
            _ => Self::Failed,
        }
    }
}
