//! Waiting for something that must happen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, on a loaded machine too.
pub const DEADLINE: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Returns as soon as `condition` holds.
///
/// # Panics
/// When it does not within the [`DEADLINE`], naming `what` was waited for.
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds_in_time(condition), "waited {DEADLINE:?} in vain for {what}");
}

/// Waits until `condition` holds; returns whether it did within the [`DEADLINE`].
pub fn holds_in_time(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        thread::park_timeout(POLL_INTERVAL);
    }
    true
}

/// Tells threads that go on and on that it is over.
#[derive(Debug, Default)]
pub struct Over(AtomicBool);

impl Over {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// It is over when the guard is dropped: by a panic too, which would wait for the threads.
    #[must_use]
    pub fn guard(&self) -> impl Drop + '_ {
        Guard(self)
    }
}

struct Guard<'a>(&'a Over);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}
