//! A moment by which something must be done.

use std::time::{Duration, Instant};

/// A time allowance that has begun. No duration is too long for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    start: Instant,
    timeout: Duration,
}

impl Deadline {
    /// The deadline `timeout` from now.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { start: Instant::now(), timeout }
    }

    /// The time that is left, more than zero; `None` when it has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.timeout.checked_sub(self.start.elapsed()).filter(|left| !left.is_zero())
    }

    /// The whole allowance.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_no_time_and_the_longest_time_does_not_overflow() {
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), None);
        assert!(Deadline::after(Duration::MAX).remaining() > Some(Duration::from_secs(1 << 40)));
    }
}
