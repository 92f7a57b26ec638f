//! Waits for something that must happen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait may take. Every wait takes far less, even on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Returns as soon as `condition` holds.
///
/// # Panics
/// When it does not hold within the [`DEADLINE`]; the message names `what` the test waited for.
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds_in_time(condition), "waited {DEADLINE:?} in vain for {what}");
}

/// Waits until `condition` holds. Returns whether it held within the [`DEADLINE`].
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

/// A flag that ends the loops of other threads.
#[derive(Debug, Default)]
pub struct Over(AtomicBool);

impl Over {
    /// Whether the loops must end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Returns a guard that sets the flag when it is dropped. A panic drops it too; otherwise the panic
    /// would wait for the threads for ever.
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
