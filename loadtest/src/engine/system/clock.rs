//! The clock of a run: nanoseconds since the run was prepared.

use std::time::Instant;

use crate::engine::units::nanoseconds;

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
