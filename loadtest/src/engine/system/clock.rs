//! The clock of a run: nanoseconds since the run was prepared.

use std::time::{Duration, Instant};

/// A run's clock. On the hot path it is read once for each system call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time now. It overflows after 584 years.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        nanoseconds(self.0.elapsed())
    }
}

/// Converts to nanoseconds. A duration that is too long becomes the longest one.
#[inline]
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Converts nanoseconds to seconds, for people and for reports.
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
