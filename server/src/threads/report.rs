//! The throughput report: totals, and rates since the last report, when something happened.

use std::fmt;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use echo_common::throughput::{Meter, Rates, Totals};
use log::info;

use crate::stats::Stats;

/// Minimum time between two reports.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// Reports what happened since the last report.
pub(crate) struct Reporter {
    meter: Meter,
    last: Stats,
}

impl Reporter {
    /// Returns a reporter whose first report covers the time since `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { meter: Meter::new(now), last: Stats::default() }
    }

    /// Reports every `interval`, but not more often than every millisecond, until `ended` is
    /// disconnected.
    pub(crate) fn run(
        mut self,
        interval: Duration,
        ended: &Receiver<()>,
        stats: impl Fn() -> Stats,
    ) {
        while ended.recv_timeout(interval.max(MIN_INTERVAL)) == Err(RecvTimeoutError::Timeout) {
            let before = self.last;
            if let Some(report) = self.report(Instant::now(), stats()) {
                info!("{report}");
                let not_shown = self.last.not_shown - before.not_shown;
                if not_shown > 0 {
                    info!("not shown records={not_shown}");
                }
            }
        }
    }

    /// Returns what happened since the last call, if anything did.
    fn report(&mut self, now: Instant, stats: Stats) -> Option<Report> {
        let totals = Totals { messages: stats.messages, bytes: stats.sent };
        let rates = self.meter.rates(now, totals);
        let happened = stats != self.last;
        self.last = stats;
        happened.then_some(Report { stats, rates })
    }
}

struct Report {
    stats: Stats,
    rates: Rates,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, rates: Rates { messages_per_s, bytes_per_s } } = self;
        write!(f, "throughput connections={}", stats.open())?;
        write!(f, " messages_per_s={messages_per_s:.1} bytes_per_s={bytes_per_s:.1}")?;
        write!(f, " total_messages={} total_bytes={}", stats.messages, stats.sent)?;
        write!(f, " total_connections={} total_probes={}", stats.connections(), stats.probes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_totals_and_the_rates_since_the_last_one() {
        let start = Instant::now();
        let mut reporter = Reporter::new(start);
        let first = Stats { adopted: 2, messages: 10, sent: 100, ..Stats::default() };
        let second = Stats { closed: 2, probes: 1, messages: 30, sent: 500, ..first };
        assert!(reporter.report(start + Duration::from_secs(1), first).is_some());
        let report = reporter.report(start + Duration::from_secs(3), second).unwrap();
        assert_eq!(
            report.to_string(),
            "throughput connections=0 messages_per_s=10.0 bytes_per_s=200.0 total_messages=30 \
             total_bytes=500 total_connections=1 total_probes=1"
        );
    }

    #[test]
    fn nothing_is_said_when_nothing_happened() {
        let start = Instant::now();
        let mut reporter = Reporter::new(start);
        let stats = Stats { adopted: 1, ..Stats::default() };
        assert!(reporter.report(start, Stats::default()).is_none());
        assert!(reporter.report(start, stats).is_some());
        assert!(reporter.report(start, stats).is_none());
    }
}
