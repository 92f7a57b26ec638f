//! Decides what follows a failed accept: wait, try again, or pause. Pure.

use std::io;

/// Length of the first pause.
const MIN_PAUSE_MS: u64 = 5;

/// Length of the longest pause.
const MAX_PAUSE_MS: u64 = 1_000;

/// What to do after a failed accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptVerdict {
    /// No connection is waiting.
    NoneWaiting,
    /// The connection that was waiting is gone, or a signal interrupted the call: try again at once.
    Retry,
    /// The system is out of descriptors or memory, or the error is unknown. The next try would
    /// probably fail as well, and no event says when it would succeed.
    Pause,
}

impl From<io::ErrorKind> for AcceptVerdict {
    fn from(kind: io::ErrorKind) -> Self {
        use io::ErrorKind as K;
        match kind {
            K::WouldBlock => Self::NoneWaiting,
            K::Interrupted
            | K::ConnectionAborted
            | K::ConnectionReset
            | K::PermissionDenied
            | K::NetworkDown
            | K::NetworkUnreachable
            | K::HostUnreachable => Self::Retry,
            _ => Self::Pause,
        }
    }
}

/// Pauses that double from [`MIN_PAUSE_MS`] to [`MAX_PAUSE_MS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    next_ms: u64,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next_ms: MIN_PAUSE_MS }
    }

    /// Returns whether there was no pause since the last success.
    pub(crate) fn is_fresh(self) -> bool {
        self == Self::new()
    }

    /// Returns the length of the next pause, and doubles the one after it.
    pub(crate) fn next_ms(&mut self) -> u64 {
        let now_ms = self.next_ms;
        self.next_ms = (2 * now_ms).min(MAX_PAUSE_MS);
        now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second() {
        let mut backoff = Backoff::new();
        assert!(backoff.is_fresh());
        let pauses: Vec<u64> = (0..10).map(|_| backoff.next_ms()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        assert!(!backoff.is_fresh());
    }

    #[test]
    fn a_kind_of_error_has_its_verdict() {
        use io::ErrorKind as K;
        for (kind, verdict) in [
            (K::WouldBlock, AcceptVerdict::NoneWaiting),
            (K::Interrupted, AcceptVerdict::Retry),
            (K::ConnectionAborted, AcceptVerdict::Retry),
            (K::ConnectionReset, AcceptVerdict::Retry),
            (K::PermissionDenied, AcceptVerdict::Retry),
            (K::NetworkDown, AcceptVerdict::Retry),
            (K::NetworkUnreachable, AcceptVerdict::Retry),
            (K::HostUnreachable, AcceptVerdict::Retry),
            (K::OutOfMemory, AcceptVerdict::Pause),
            (K::InvalidInput, AcceptVerdict::Pause),
            (K::Other, AcceptVerdict::Pause),
        ] {
            assert_eq!(AcceptVerdict::from(kind), verdict, "{kind:?}");
        }
    }
}
