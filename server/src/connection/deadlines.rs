//! The patience a connection is treated with.

use super::{Connection, Phase};
use crate::seams::close_reason::{Cause, CloseReason};
use crate::seams::stream::Stream;

/// The times at which patience ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// How long a connection may stay without traffic.
    pub(crate) idle_timeout_ms: Option<u64>,
    /// How long the server waits for the peer's end of stream after its own, and how long an idle
    /// connection may take to be flushed.
    pub(crate) linger_ms: u64,
    /// When everything must be over, once the server is stopping.
    pub(crate) drain_end_ms: Option<u64>,
}

/// What [`Connection::check`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing to do before this time, if ever.
    Fine(Option<u64>),
    /// It was idle for too long: [`Connection::end`] it.
    IsIdle,
    /// Its time is over.
    Close(CloseReason),
}

/// How often a lingering connection is looked at for the peer's acknowledgement, once its linger is
/// over and the drain timeout is not.
const DELIVERY_CHECK_MS: u64 = 50;

/// The peer's acknowledgement is waited for at least this long, however short the drain timeout: its
/// system may put it off by up to 200 ms although nothing is missing.
const MIN_DELIVERY_WAIT_MS: u64 = 250;

impl<S: Stream> Connection<S> {
    /// Looks whether a deadline has passed.
    pub(crate) fn check(&mut self, now_ms: u64, deadlines: &Deadlines) -> Check {
        let patience_ms = match self.phase {
            Phase::Open | Phase::Sending(None) => deadlines.idle_timeout_ms,
            Phase::Ending(Cause::Idle)
            | Phase::Sending(Some(Cause::Idle))
            | Phase::Lingering(_) => Some(deadlines.linger_ms),
            Phase::Ending(Cause::Shutdown) | Phase::Sending(Some(Cause::Shutdown)) => None,
        };
        let waited_ms = u64::from(wrap(now_ms).wrapping_sub(self.touched_ms));
        let patience_end_ms = patience_ms.map(|limit_ms| (now_ms + limit_ms) - waited_ms);
        match [patience_end_ms, deadlines.drain_end_ms].into_iter().flatten().min() {
            Some(end_ms) if end_ms <= now_ms => self.expire(now_ms, waited_ms, deadlines),
            later => Check::Fine(later),
        }
    }

    fn expire(&mut self, now_ms: u64, waited_ms: u64, deadlines: &Deadlines) -> Check {
        let drain_is_over = deadlines.drain_end_ms.is_some_and(|end_ms| end_ms <= now_ms);
        let phase = self.phase;
        match phase {
            Phase::Open | Phase::Sending(None) if !drain_is_over && self.takes_echo() => {
                self.touched_ms = wrap(now_ms);
                Check::Fine(deadlines.idle_timeout_ms.map(|limit_ms| now_ms + limit_ms))
            }
            Phase::Open if !drain_is_over => Check::IsIdle,
            Phase::Lingering(Cause::Idle) => Check::Close(CloseReason::Idle),
            Phase::Lingering(Cause::Shutdown) if self.is_delivered() => {
                Check::Close(CloseReason::Shutdown)
            }
            Phase::Lingering(Cause::Shutdown)
                if !drain_is_over || waited_ms < MIN_DELIVERY_WAIT_MS =>
            {
                Check::Fine(Some(now_ms + DELIVERY_CHECK_MS))
            }
            Phase::Open | Phase::Ending(_) | Phase::Sending(_) | Phase::Lingering(_) => {
                Check::Close(if drain_is_over { CloseReason::Cut } else { CloseReason::Idle })
            }
        }
    }

    /// Whether the peer's system has acknowledged all that was sent.
    pub(super) fn is_delivered(&self) -> bool {
        self.stream.acked_len().is_none_or(|acked| acked >= self.sent())
    }

    /// Whether the system still had something to send, and the peer has taken some of it, since this
    /// was last asked. No event tells: there may be room for megabytes before one does.
    #[allow(clippy::cast_possible_truncation)] // Only a difference matters.
    fn takes_echo(&mut self) -> bool {
        let Some(acked) = self.stream.acked_len() else { return false };
        let before = std::mem::replace(&mut self.progress, acked as u32);
        acked < self.sent() && before != self.progress
    }
}

/// A time as connections keep it: differences up to 49 days stay exact.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn wrap(time_ms: u64) -> u32 {
    time_ms as u32
}
