//! What a failed accept means: nothing there, try again, or pause. Pure.

use std::io;

/// The first pause of an episode.
const MIN_PAUSE_MS: u64 = 5;

/// The longest pause.
const MAX_PAUSE_MS: u64 = 1_000;

/// What to do after a failed accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptVerdict {
    /// No connection is waiting.
    NoneWaiting,
    /// The connection that was waiting is gone, or the call was interrupted: the next may be fine.
    Retry,
    /// The system is out of something (descriptors, buffers), or says what nobody knows: every
    /// further try would fail as well, and no event tells when it would not.
    Pause,
}

impl From<&io::Error> for AcceptVerdict {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::WouldBlock => Self::NoneWaiting,
            K::Interrupted
            | K::ConnectionAborted
            | K::ConnectionReset
            | K::PermissionDenied
            | K::NetworkDown
            | K::NetworkUnreachable
            | K::HostUnreachable => Self::Retry,
            _ if is_error_of_the_new_socket(error) => Self::Retry,
            _ => Self::Pause,
        }
    }
}

/// accept(2): Linux passes errors that are already pending on the new socket as errors of accept.
/// These have no `ErrorKind`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_error_of_the_new_socket(error: &io::Error) -> bool {
    use nix::errno::Errno;
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EPROTO | Errno::EHOSTDOWN | Errno::ENONET | Errno::ENOPROTOOPT)
    )
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_error_of_the_new_socket(_: &io::Error) -> bool {
    false
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

    /// Whether no pause was needed since the last success.
    pub(crate) fn is_fresh(self) -> bool {
        self == Self::new()
    }

    /// How long to pause now.
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

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn every_documented_error_has_its_answer() {
        use nix::errno::Errno as E;
        for (errno, answer) in [
            (E::EAGAIN, AcceptVerdict::NoneWaiting),
            (E::EINTR, AcceptVerdict::Retry),
            (E::ECONNABORTED, AcceptVerdict::Retry),
            (E::ECONNRESET, AcceptVerdict::Retry),
            (E::EPROTO, AcceptVerdict::Retry),
            (E::EPERM, AcceptVerdict::Retry),
            (E::ENETDOWN, AcceptVerdict::Retry),
            (E::ENETUNREACH, AcceptVerdict::Retry),
            (E::EHOSTDOWN, AcceptVerdict::Retry),
            (E::EHOSTUNREACH, AcceptVerdict::Retry),
            (E::ENONET, AcceptVerdict::Retry),
            (E::ENOPROTOOPT, AcceptVerdict::Retry),
            (E::EMFILE, AcceptVerdict::Pause),
            (E::ENFILE, AcceptVerdict::Pause),
            (E::ENOBUFS, AcceptVerdict::Pause),
            (E::ENOMEM, AcceptVerdict::Pause),
            (E::EBADF, AcceptVerdict::Pause),
            (E::EINVAL, AcceptVerdict::Pause),
        ] {
            let error = io::Error::from_raw_os_error(errno as i32);
            assert_eq!(AcceptVerdict::from(&error), answer, "{errno}");
        }
    }
}
