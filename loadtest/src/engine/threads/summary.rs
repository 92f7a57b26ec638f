//! The end of a run: makes a report of what the threads found.

use std::slice;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use humantime::format_rfc3339_nanos;

use super::flood;
use super::series::Series;
use crate::engine::messages::{Found, Outcome, Tally};
use crate::engine::protocol::window::{Completion, Start, Window};
use crate::engine::system::cpu::Waiting;
use crate::engine::units::seconds;
use crate::plan::{Arrival, Limit, Loop, Plan, Sizes};
use crate::report::distribution::{Distribution, histogram};
use crate::report::machine;
use crate::report::run_report as report;
use crate::report::run_report::{Errors, RunReport};
use crate::report::verdict;

/// Maximum number of findings in a report. Further ones are only counted.
const MAX_FINDINGS: usize = 20;

/// Everything that a report is made of, except the intervals.
pub(crate) struct Summary<'a> {
    plan: &'a Plan,
    start: Start,
    /// When the measured part began and ended, on the run's clock.
    window_ns: (u64, u64),
    outcomes: Vec<Outcome>,
    flood: Option<Outcome>,
    completion: Completion,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        start: Start,
        outcomes: Vec<Outcome>,
        flood: Option<Outcome>,
        completion: Completion,
    ) -> Self {
        let Window { start_ns, end_ns: planned_ns } = Window::of(plan, start.at_ns);
        let end_ns = outcomes.iter().map(|one| one.end_ns).max().unwrap_or_default();
        let end_ns = match plan.limit {
            Limit::Duration(_) if completion == Completion::Full => planned_ns,
            Limit::Duration(_) | Limit::Count(_) => end_ns.max(start_ns),
        };
        Self { plan, start, window_ns: (start_ns, end_ns), outcomes, flood, completion }
    }

    pub(crate) fn measured_ns(&self) -> u64 {
        self.window_ns.1 - self.window_ns.0
    }

    pub(crate) fn into_report(self, series: Series) -> RunReport {
        let mut report = RunReport {
            format: report::FORMAT.to_owned(),
            program: concat!("loadtest ", env!("CARGO_PKG_VERSION")).to_owned(),
            command: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
            machine: machine::this(),
            target: self.plan.target.to_string(),
            agents: 1,
            started_at: self.time_of(self.window_ns.0),
            ended_at: self.time_of(self.window_ns.1),
            load: load(self.plan, series.kept_ns),
            verdict: report::Verdict { kind: report::VerdictKind::Valid, reasons: vec![] },
            interrupted: self.completion == Completion::Interrupted,
            connections: self.connections(self.plan.our_connections().len(), &self.outcomes),
            messages: self.messages(),
            throughput: self.throughput(),
            flood: self.flood(),
            response_time: series.total.response.as_ref().map(Distribution::new),
            service_time: Distribution::new(&series.total.service),
            connect_time: Distribution::new(&self.sum(|one| &one.connect)),
            errors: self.errors(),
            findings: self.findings(),
            generator: self.generator(),
            intervals: series.intervals,
            objectives: vec![],
        };
        report.verdict = verdict::verdict(&report);
        report
    }

    /// Converts a time of the run's clock to the calendar.
    fn time_of(&self, at_ns: u64) -> String {
        let at = self.start.time + Duration::from_nanos(at_ns.saturating_sub(self.start.at_ns));
        format_rfc3339_nanos(at.max(SystemTime::UNIX_EPOCH)).to_string()
    }

    fn count(&self, of: impl Fn(&Outcome) -> u64) -> u64 {
        self.outcomes.iter().map(of).sum()
    }

    fn sum(&self, of: impl Fn(&Outcome) -> &Histogram<u64>) -> Histogram<u64> {
        let mut sum = histogram();
        for outcome in &self.outcomes {
            // All histograms have the same bounds.
            let _ = sum.add(of(outcome));
        }
        sum
    }

    /// Returns the account of `asked` connections, from the outcomes of the threads that had them.
    fn connections(&self, asked: usize, outcomes: &[Outcome]) -> report::Connections {
        let count = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
        let asked_ns = self.measured_ns() as f64 * asked as f64;
        report::Connections {
            asked: asked as u64,
            established: count(|one| one.established),
            opened: count(|one| one.opened),
            missing: (count(|one| one.missing_ns) as f64 / asked_ns.max(1.0)).min(1.0),
        }
    }

    fn messages(&self) -> report::Messages {
        let (sent, unsent) = (self.count(|one| one.sent), self.count(|one| one.unsent));
        let asked = match (self.plan.limit, self.plan.arrival) {
            (Limit::Count(count), _) => Some(self.plan.part_of(count, self.plan.our_connections())),
            (Limit::Duration(_), Arrival::Closed) => None,
            (Limit::Duration(_), _) => Some(sent + unsent),
        };
        report::Messages { asked, sent, verified: self.count(|one| one.verified), unsent }
    }

    fn throughput(&self) -> report::Throughput {
        let mut tally = Tally::default();
        self.outcomes.iter().for_each(|one| tally.add(one.tally));
        report::Throughput::new(seconds(self.measured_ns()), tally.messages, tally.bytes)
    }

    fn flood(&self) -> Option<report::Flood> {
        let (plan, found) = (flood::plan(self.plan)?, self.flood.as_ref()?);
        let measured_s = seconds(found.thread.measured_ns);
        Some(report::Flood {
            connections: self.connections(plan.our_connections().len(), slice::from_ref(found)),
            messages: found.tally.messages,
            bytes: found.tally.bytes,
            bytes_per_s: report::per_second(found.tally.bytes, measured_s),
            busy: Some(found.thread.busy(Waiting::Sleeps)),
            errors: found.errors,
        })
    }

    fn errors(&self) -> Errors {
        let mut sum = Errors::default();
        self.all().for_each(|one| sum.add(&one.errors));
        sum
    }

    /// Returns the outcomes of the run and of the flood.
    fn all(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().chain(&self.flood)
    }

    /// Returns the first findings. Findings of wrong bytes come before all others.
    fn findings(&self) -> Vec<report::Finding> {
        let mut found: Vec<&Found> = self.all().flat_map(|one| &one.findings).collect();
        found.sort_by_key(|found| (!found.fault.is_about_bytes(), found.at_ns));
        found.truncate(MAX_FINDINGS);
        found.sort_by_key(|found| found.at_ns);
        let finding = |found: &Found| report::Finding {
            kind: found.fault.kind.name().to_owned(),
            connection: found.connection,
            at_s: if found.at_ns < self.start.at_ns {
                -seconds(self.start.at_ns - found.at_ns)
            } else {
                seconds(found.at_ns - self.start.at_ns)
            },
            text: found.fault.text.clone(),
        };
        found.into_iter().map(finding).collect()
    }

    fn generator(&self) -> report::Generator {
        let waiting = if self.plan.busy_poll { Waiting::Spins } else { Waiting::Sleeps };
        let thread = |Outcome { thread, .. }: &Outcome| report::GeneratorThread {
            busy: thread.busy(waiting),
            waiting: thread.waiting(),
            cpu_s: seconds(thread.time.running_ns),
        };
        let cpu_ns = self.count(|one| one.thread.time.running_ns) as f64;
        let messages = self.count(|one| one.tally.messages).max(1) as f64;
        report::Generator {
            threads: self.outcomes.iter().map(thread).collect(),
            cpu_per_message_ns: cpu_ns / messages,
            lateness: (self.plan.loop_kind() == Loop::Open)
                .then(|| Distribution::new(&self.sum(|one| &one.lateness))),
            without_stamp: self.plan.kernel_timestamps.then(|| self.count(|one| one.without_stamp)),
        }
    }
}

/// Returns the load that was asked for, as it stands in a report.
fn load(plan: &Plan, interval_ns: u64) -> report::Load {
    let (duration_s, count) = match plan.limit {
        Limit::Duration(duration) => (Some(duration.as_secs_f64()), None),
        Limit::Count(count) => (None, Some(count)),
    };
    report::Load {
        connections: plan.connections.into(),
        threads: plan.threads.into(),
        size: size(&plan.sizes),
        depth: plan.depth.into(),
        send_burst: plan.send_burst.into(),
        arrival: match plan.arrival {
            Arrival::Closed => report::Arrival::Closed,
            Arrival::Constant(_) => report::Arrival::Constant,
            Arrival::Poisson(_) => report::Arrival::Poisson,
        },
        rate: plan.rate(),
        connect_rate: plan.connect_rate,
        messages_per_connection: plan.messages_per_connection,
        duration_s,
        count,
        warmup_s: plan.warmup.as_secs_f64(),
        timeout_s: plan.timeout.as_secs_f64(),
        seed: plan.seed,
        source_ips: plan.source_ips.iter().map(ToString::to_string).collect(),
        busy_poll: plan.busy_poll,
        kernel_timestamps: plan.kernel_timestamps,
        interval_s: seconds(interval_ns),
        agent_index: plan.share.index,
        agent_count: plan.share.count,
        flood: plan.flood.map(|flood| report::FloodLoad {
            connections: flood.connections.into(),
            size: flood.size,
            depth: flood.depth.into(),
        }),
    }
}

fn size(sizes: &Sizes) -> report::Size {
    match sizes {
        &Sizes::Range(min, max) => report::Size { min, max, file: None },
        Sizes::Messages(messages) => {
            let lens = || messages.lines.iter().map(|line| line.len());
            let (min, max) = (lens().min().unwrap_or_default(), lens().max().unwrap_or_default());
            report::Size { min, max, file: Some(messages.file.clone()) }
        }
    }
}
