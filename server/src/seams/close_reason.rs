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
    /// The peer has finished, and the system has taken all of its echo.
    Finished,
    /// The peer or its system reset the connection, or went away.
    Reset,
    /// No byte moved for the idle timeout. What the peer did not take during the linger is lost.
    Idle,
    /// The server is stopping, and the peer's system has acknowledged all of its echo.
    Shutdown,
    /// The drain timeout passed before the peer had received all of its echo.
    Cut,
    /// Another error of the connection.
    Failed,
}

impl CloseReason {
    /// Returns whether an operator may want to know why.
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
            // The system gives up keepalive and retransmission with these errors.
            K::TimedOut | K::HostUnreachable | K::NetworkUnreachable => Self::Reset,
            _ => Self::Failed,
        }
    }
}
