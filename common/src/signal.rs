//! The request to stop: Ctrl+C, `SIGTERM` or `SIGHUP`; on Windows Ctrl+C.

use std::time::{Duration, Instant};

/// A signal this soon after the one that counted is the same request. `timeout` signals the program
/// and then its group, and when a terminal closes both the kernel and the shell tell of it; no person
/// is as quick.
const SAME_REQUEST: Duration = Duration::from_millis(100);

/// Calls `react` with 1 at the first request to stop, 2 at the second, and so on, on a thread of
/// its own. Signals within a tenth of a second are one request. At most one caller per process.
///
/// `SIGHUP` counts too, also under `nohup`: the handler replaces the "ignore" that `nohup` set.
///
/// # Errors
/// A sentence when the system refuses the handler, or the process has one already.
pub fn on_stop(mut react: impl FnMut(u32) + Send + 'static) -> Result<(), String> {
    let mut requests = Requests::default();
    ctrlc::set_handler(move || {
        if let Some(number) = requests.take(Instant::now()) {
            react(number);
        }
    })
    .map_err(|error| match error {
        // The library's own words for it leave out the reason.
        ctrlc::Error::System(reason) => format!("install the signal handler: {reason}"),
        error => format!("install the signal handler: {error}"),
    })
}

/// What the signals so far came to.
#[derive(Default)]
struct Requests {
    count: u32,
    last: Option<Instant>,
}

impl Requests {
    /// The number of the request that a signal is, unless it belongs to the last one.
    fn take(&mut self, now: Instant) -> Option<u32> {
        if self.last.is_some_and(|last| now.duration_since(last) < SAME_REQUEST) {
            return None;
        }
        self.last = Some(now);
        self.count = self.count.saturating_add(1);
        Some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_come_together_are_one_request() {
        let (start, mut requests) = (Instant::now(), Requests::default());
        let numbers = [0, 1, 99, 100, 150, 199, 200, 5_000]
            .map(|at_ms| requests.take(start + Duration::from_millis(at_ms)));
        assert_eq!(numbers, [Some(1), None, None, Some(2), None, None, Some(3), Some(4)]);
    }
}
