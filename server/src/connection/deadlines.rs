//! How long a connection may take, and what happens when its time is over.

use super::{Connection, Phase};
use crate::seams::close_reason::{Cause, CloseReason};
use crate::seams::stream::Stream;

/// The time limits of all connections of a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// How long a connection may go without traffic. `None`: for ever.
    pub(crate) idle_timeout_ms: Option<u64>,
    /// How long the server waits for the peer's end of stream after its own. An idle connection gets
    /// the same time to take the rest of its echo.
    pub(crate) linger_ms: u64,
    /// When every connection must be over. `None` while the server is not stopping.
    pub(crate) drain_end_ms: Option<u64>,
}

/// The answer of [`Connection::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// The connection has time until then; `None`: it has no deadline.
    Fine(Option<u64>),
    /// The connection was idle for too long: [`Connection::end`] it.
    IsIdle,
    /// The time of the connection is over: close it.
    Close(CloseReason),
}

/// How often the server asks whether the peer has acknowledged everything, after the linger and until
/// the drain timeout.
const DELIVERY_CHECK_MS: u64 = 50;

/// Minimum time to wait for the peer's acknowledgement, however short the drain timeout: a system may
/// delay an acknowledgement by up to 200 ms although nothing is missing.
const MIN_DELIVERY_WAIT_MS: u64 = 250;

impl<S: Stream> Connection<S> {
    /// Checks whether a deadline of the connection has passed.
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

    /// Returns whether the peer's system has acknowledged all bytes sent, as far as this system knows.
    pub(super) fn is_delivered(&self) -> bool {
        self.stream.acked_len().is_none_or(|acked| acked >= self.sent())
    }

    /// Returns whether the peer has acknowledged bytes since the last call, and more bytes are
    /// unacknowledged. No event reports an acknowledgement: the send buffer may have room for megabytes
    /// before an event comes.
    #[expect(clippy::cast_possible_truncation, reason = "only a difference matters")]
    fn takes_echo(&mut self) -> bool {
        let Some(acked) = self.stream.acked_len() else { return false };
        let before = std::mem::replace(&mut self.progress, acked as u32);
        acked < self.sent() && before != self.progress
    }
}

/// Cuts a time to the 32 bits that a connection keeps. Differences up to 49 days stay exact.
#[expect(clippy::cast_possible_truncation, reason = "only a difference matters")]
pub(super) fn wrap(time_ms: u64) -> u32 {
    time_ms as u32
}
