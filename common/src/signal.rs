//! Requests to stop: Ctrl+C, `SIGTERM` or `SIGHUP`; on Windows only Ctrl+C.

use std::time::{Duration, Instant};

/// How long after a counted signal further signals belong to the same request.
///
/// One request often sends two signals: `timeout` signals the program and then its group, and when a
/// terminal closes, both the kernel and the shell send one. A person is slower than this.
const SAME_REQUEST: Duration = Duration::from_millis(100);

/// Calls `react` with 1 at the first request to stop, with 2 at the second, and so on, on a separate
/// thread. Signals within a tenth of a second are one request. A process may call this once.
///
/// `SIGHUP` counts even under `nohup`, because the handler replaces the "ignore" that `nohup` set.
///
/// # Errors
/// A sentence when the system refuses the handler, or when the process already has one.
pub fn on_stop(mut react: impl FnMut(u32) + Send + 'static) -> Result<(), String> {
    let mut requests = Requests::default();
    ctrlc::set_handler(move || {
        if let Some(number) = requests.take(Instant::now()) {
            react(number);
        }
    })
    .map_err(|error| match error {
        // The library's own message leaves out the reason.
        ctrlc::Error::System(reason) => format!("install the signal handler: {reason}"),
        error => format!("install the signal handler: {error}"),
    })
}

/// The requests so far.
#[derive(Default)]
struct Requests {
    count: u32,
    last: Option<Instant>,
}

impl Requests {
    /// Returns the number of the request that a signal begins, or `None` if the signal belongs to the
    /// last request.
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
    fn signals_in_quick_succession_are_one_request() {
        let (start, mut requests) = (Instant::now(), Requests::default());
        let numbers = [0, 1, 99, 100, 150, 199, 200, 5_000]
            .map(|at_ms| requests.take(start + Duration::from_millis(at_ms)));
        assert_eq!(numbers, [Some(1), None, None, Some(2), None, None, Some(3), Some(4)]);
    }
}
