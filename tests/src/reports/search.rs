//! A search for the capacity of a made-up server.

use echo_loadtest::capacity::{CapacityReport, Settings, find};
use echo_loadtest::run_report::{RunReport, Verdict, VerdictKind};

use super::made::Made;

/// A server at which messages wait for each other, and a search for its capacity.
pub(super) struct Searched {
    /// Maximum number of messages a second that it can serve.
    pub(super) limit: f64,
    /// Its median when it is idle.
    pub(super) median_ns: f64,
    /// The highest rate that the load tester can reach.
    pub(super) generator_limit: f64,
    /// Every n-th round is disturbed and does not count; none if this is 0.
    pub(super) disturbed: u64,
    pub(super) settings: Settings,
}

impl Default for Searched {
    fn default() -> Self {
        Self {
            limit: 38_000.0,
            median_ns: 90_000.0,
            generator_limit: f64::INFINITY,
            disturbed: 0,
            settings: Settings::default(),
        }
    }
}

impl Searched {
    pub(super) fn report(&self, objectives: &[&str]) -> CapacityReport {
        let objectives: Vec<_> =
            objectives.iter().map(|text| text.parse().expect("an objective")).collect();
        let mut round = 0;
        let measure = |rate| {
            round += 1;
            Ok(self.run(rate, round))
        };
        let mut report = find(&self.settings, &objectives, measure).expect("no run fails");
        let line = "loadtest capacity 127.0.0.1:9000 --slo p99<1ms --duration 5s --html page.html";
        report.command = line.split(' ').map(str::to_owned).collect();
        report
    }

    fn run(&self, rate: f64, round: u64) -> RunReport {
        let spare = (1.0 - rate / self.limit).max(0.002);
        let made = Made {
            seed: round,
            seconds: 1,
            rate: Some(rate.min(self.limit)),
            median_ns: self.median_ns / spare,
            ..Made::default()
        };
        let mut report = made.report();
        report.load.rate = Some(rate);
        if rate > self.generator_limit
            || (self.disturbed > 0 && round.is_multiple_of(self.disturbed))
        {
            let reason = "a thread of the load tester waited for a CPU 23 % of the time: use fewer \
                          threads, or a machine of its own";
            let reasons = vec![reason.to_owned()];
            report.verdict = Verdict { kind: VerdictKind::GeneratorLimited, reasons };
        }
        report
    }
}
