//! The run's time: nanoseconds since it was prepared.

use std::time::{Duration, Instant};

/// Read once per system call on the hot path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Overflows after 584 years.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        nanoseconds(self.0.elapsed())
    }
}

/// The longest that fits, if it is longer.
#[inline]
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// For people and for reports.
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
