//! Turns totals into rates. This module is pure, because the caller passes the time.

use std::time::Instant;

/// The counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of messages so far.
    pub messages: u64,
    /// Number of bytes so far.
    pub bytes: u64,
}

/// The rates between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Messages per second since the last reading.
    pub messages_per_s: f64,
    /// Bytes per second since the last reading.
    pub bytes_per_s: f64,
}

/// Turns growing totals into rates since the last reading.
#[derive(Debug)]
pub struct Meter {
    at: Instant,
    totals: Totals,
}

impl Meter {
    /// Creates a meter whose first interval starts at `now`, with totals of zero.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { at: now, totals: Totals::default() }
    }

    /// Returns the rates since the last reading, and starts the next interval at `now`. An interval
    /// without length has rates of zero.
    pub fn rates(&mut self, now: Instant, totals: Totals) -> Rates {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        let rate = |new: u64, old: u64| match seconds {
            0.0 => 0.0,
            // A count above 2^53 in one interval would lose its last digits. No count gets there.
            seconds => new.saturating_sub(old) as f64 / seconds,
        };
        let rates = Rates {
            messages_per_s: rate(totals.messages, self.totals.messages),
            bytes_per_s: rate(totals.bytes, self.totals.bytes),
        };
        *self = Self { at: now, totals };
        rates
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rates_are_of_the_interval_and_not_of_the_whole_run() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.rates(start + Duration::from_secs(1), Totals { messages: 100, bytes: 1_000 });
        let rates =
            meter.rates(start + Duration::from_secs(3), Totals { messages: 110, bytes: 1_500 });
        assert_eq!(rates, Rates { messages_per_s: 5.0, bytes_per_s: 250.0 });
    }

    #[test]
    fn an_interval_of_no_length_has_no_rate() {
        let start = Instant::now();
        let rates = Meter::new(start).rates(start, Totals { messages: 1, bytes: 1 });
        assert_eq!(rates, Rates { messages_per_s: 0.0, bytes_per_s: 0.0 });
    }
}
