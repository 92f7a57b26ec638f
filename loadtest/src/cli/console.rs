//! What a person sees, and what is written, while a run goes on.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::cli::arguments::Verbosity;
use crate::cli::progress::{Goal, Latency, Reporter, Snapshot};
use echo_loadtest::engine::{Observer, Phase, Progress};
use echo_loadtest::files;
use echo_loadtest::hdr_log::HdrLog;
use echo_loadtest::plan::{Limit, Plan};
use echo_loadtest::run_report::Interval;
use hdrhistogram::Histogram;

/// Shows the progress of a run, and writes the interval log if one was asked for.
pub(crate) struct Console<'a> {
    plan: &'a Plan,
    reporter: Reporter,
    log: Option<Log>,
    phase: Phase,
    messages_at_phase: u64,
    shown: Shown,
    latency: Option<Latency>,
}

/// When progress was last shown.
struct Shown {
    at: Instant,
    messages: u64,
}

/// The interval log. It begins when the start of the measured part is known.
struct Log {
    path: PathBuf,
    output: Option<Box<dyn Write>>,
    log: Option<HdrLog<Box<dyn Write>>>,
    failure: Option<io::Error>,
}

impl<'a> Console<'a> {
    /// # Errors
    /// A sentence when the file of the interval log cannot be created.
    pub(crate) fn new(
        plan: &'a Plan,
        verbosity: Verbosity,
        hdr: Option<&Path>,
    ) -> Result<Self, String> {
        Ok(Self {
            plan,
            reporter: Reporter::new(verbosity),
            log: hdr.map(Log::create).transpose()?,
            phase: Phase::Connecting,
            messages_at_phase: 0,
            shown: Shown { at: Instant::now(), messages: 0 },
            latency: None,
        })
    }

    /// # Errors
    /// A sentence when the interval log could not be written.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.log.and_then(|log| Some((log.path, log.failure?))) {
            Some((path, error)) => Err(format!("write {}: {error}", path.display())),
            None => Ok(()),
        }
    }

    fn goal(&self) -> Goal {
        match (self.phase, self.plan.limit) {
            (Phase::Connecting, _) => Goal::Connections,
            (Phase::Waiting | Phase::Draining, _) => Goal::Time(Duration::ZERO),
            (Phase::WarmUp, _) => Goal::Time(self.plan.warmup),
            (Phase::Measuring, Limit::Duration(duration)) => Goal::Time(duration),
            (Phase::Measuring, Limit::Count(count)) => {
                Goal::Messages(self.plan.part_of(count, self.plan.our_connections()))
            }
        }
    }

    fn show(&mut self, now: &Progress, since: Duration) {
        let fresh = now.messages - self.shown.messages;
        self.reporter.show(&Snapshot {
            phase: now.phase,
            elapsed: now.elapsed,
            goal: self.goal(),
            connected: now.connections,
            asked_connections: self.plan.our_connections().len() as u64,
            messages: now.messages - self.messages_at_phase,
            messages_per_s: fresh as f64 / since.as_secs_f64(),
            latency: self.latency,
            errors: now.errors,
        });
        self.shown = Shown { at: Instant::now(), messages: now.messages };
    }
}

impl Observer for Console<'_> {
    fn progress(&mut self, now: &Progress) {
        if now.phase != self.phase {
            (self.phase, self.messages_at_phase) = (now.phase, now.messages);
        }
        let since = self.shown.at.elapsed();
        if self.reporter.period(self.plan.interval).is_some_and(|period| since >= period) {
            self.show(now, since);
        }
    }

    fn measuring_from(&mut self, start: SystemTime) {
        if let Some(log) = &mut self.log {
            log.begin(start);
        }
    }

    fn interval(&mut self, interval: &Interval, latencies: &Histogram<u64>) {
        let Interval { p50_ns, p99_ns, .. } = *interval;
        self.latency = (!latencies.is_empty()).then_some(Latency { p50_ns, p99_ns });
        if let Some(log) = &mut self.log {
            log.write(interval, latencies);
        }
    }
}

impl Log {
    fn create(path: &Path) -> Result<Self, String> {
        let output: Box<dyn Write> = if files::is_standard_output(path) {
            Box::new(io::stdout())
        } else {
            let file = File::create(path);
            Box::new(file.map_err(|error| format!("create {}: {error}", path.display()))?)
        };
        Ok(Self { path: path.to_owned(), output: Some(output), log: None, failure: None })
    }

    fn begin(&mut self, start: SystemTime) {
        if let Some(output) = self.output.take() {
            match HdrLog::new(output, start) {
                Ok(log) => self.log = Some(log),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    fn write(&mut self, interval: &Interval, latencies: &Histogram<u64>) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.interval(interval.start_s, interval.duration_s, latencies)
        {
            self.log = None;
            self.failure = Some(error);
        }
    }
}
