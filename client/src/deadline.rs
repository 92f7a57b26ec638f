//! A moment by which something must be done.

use std::time::{Duration, Instant};

/// A timeout that has begun. Its length may be any duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    start: Instant,
    timeout: Duration,
}

impl Deadline {
    /// Returns the deadline that passes `timeout` from now.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { start: Instant::now(), timeout }
    }

    /// Returns the remaining time, which is more than zero, or `None` when the deadline has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.timeout.checked_sub(self.start.elapsed()).filter(|left| !left.is_zero())
    }

    /// Returns the whole time between the start and the deadline.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_of_zero_has_passed_and_the_longest_does_not_overflow() {
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), None);
        assert!(Deadline::after(Duration::MAX).remaining() > Some(Duration::from_secs(1 << 40)));
    }
}
