//! The progress of a run: a bar on a terminal, log lines elsewhere, or nothing.
//!
//! Nothing in here waits or panics when standard error is gone.

mod bar;
mod text;

use std::time::Duration;

use log::info;

use crate::cli::arguments::Verbosity;
use crate::cli::progress::bar::Bar;
pub(crate) use echo_loadtest::engine::Phase;

/// How often the bar on a terminal is drawn.
const TERMINAL_PERIOD: Duration = Duration::from_millis(250);

/// What ends the present phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// All connections are open.
    Connections,
    /// This time has passed.
    Time(Duration),
    /// This number of messages has come back.
    Messages(u64),
}

/// The state of a run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Snapshot {
    /// The part of the run that goes on now.
    pub(crate) phase: Phase,
    /// Time since this phase began.
    pub(crate) elapsed: Duration,
    /// What ends this phase.
    pub(crate) goal: Goal,
    /// Number of open connections.
    pub(crate) connected: u64,
    /// Number of connections that were asked for.
    pub(crate) asked_connections: u64,
    /// Number of messages that came back in this phase.
    pub(crate) messages: u64,
    /// Messages a second since the last snapshot.
    pub(crate) messages_per_s: f64,
    /// Latencies since the last snapshot; `None` if no message came back.
    pub(crate) latency: Option<Latency>,
    /// Number of errors since the run began.
    pub(crate) errors: u64,
}

/// Two percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Latency {
    /// Half of the messages did not take longer.
    pub p50_ns: u64,
    /// 99 of 100 messages did not take longer.
    pub p99_ns: u64,
}

/// A place where progress is shown. Dropping it removes the bar from the terminal.
#[derive(Debug)]
pub(crate) struct Reporter(Kind);

#[derive(Debug)]
enum Kind {
    Terminal(Bar),
    Lines,
    Quiet,
}

impl Reporter {
    /// Returns a reporter that shows a bar if standard error is a terminal, and otherwise writes lines
    /// to the log at INFO. A quiet one shows nothing.
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        match Bar::on_stderr() {
            _ if verbosity == Verbosity::Quiet => Self(Kind::Quiet),
            Some(bar) => Self(Kind::Terminal(bar)),
            None => Self(Kind::Lines),
        }
    }

    /// Returns how often to call [`show`](Self::show), if at all, when lines are wanted every
    /// `interval`.
    pub(crate) fn period(&self, interval: Duration) -> Option<Duration> {
        match &self.0 {
            Kind::Terminal(_) => Some(TERMINAL_PERIOD),
            Kind::Lines => Some(interval),
            Kind::Quiet => None,
        }
    }

    /// Shows how far the run has come.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        match &self.0 {
            Kind::Terminal(bar) => bar.show(snapshot),
            Kind::Lines => info!("{}", text::line(snapshot)),
            Kind::Quiet => {}
        }
    }
}

impl Snapshot {
    /// Returns the part of the phase that is over, 0 to 1; `None` if that cannot be known.
    fn part(&self) -> Option<f64> {
        let part = match (self.phase, self.goal) {
            (Phase::Draining, _) => return None,
            (_, Goal::Connections) => self.connected as f64 / self.asked_connections as f64,
            (_, Goal::Time(time)) => self.elapsed.as_secs_f64() / time.as_secs_f64(),
            (_, Goal::Messages(count)) => self.messages as f64 / count as f64,
        };
        Some(if part.is_nan() { 1.0 } else { part.clamp(0.0, 1.0) })
    }

    /// Returns how long this phase will go on; `None` if that cannot be known.
    fn left(&self) -> Option<Duration> {
        match (self.phase, self.goal) {
            (Phase::Draining, _) | (_, Goal::Connections) => None,
            (_, Goal::Time(time)) => Some(time.saturating_sub(self.elapsed)),
            (_, Goal::Messages(count)) => {
                let seconds = count.saturating_sub(self.messages) as f64 / self.messages_per_s;
                Duration::try_from_secs_f64(seconds).ok()
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    /// Returns a snapshot from the middle of a measurement of ten seconds.
    pub(crate) fn sample() -> Snapshot {
        Snapshot {
            phase: Phase::Measuring,
            elapsed: Duration::from_millis(2_500),
            goal: Goal::Time(Duration::from_secs(10)),
            connected: 49,
            asked_connections: 50,
            messages: 300_000,
            messages_per_s: 123_456.7,
            latency: Some(Latency { p50_ns: 45_200, p99_ns: 1_230_000 }),
            errors: 0,
        }
    }

    #[test]
    fn the_rest_follows_from_what_ends_the_phase() {
        let left = |goal| Snapshot { goal, ..sample() }.left().map(|left| left.as_millis());
        let part = |goal| Snapshot { goal, ..sample() }.part();
        assert_eq!(left(Goal::Time(Duration::from_secs(10))), Some(7_500));
        assert_eq!(part(Goal::Time(Duration::from_secs(10))), Some(0.25));
        assert_eq!(part(Goal::Messages(600_000)), Some(0.5));
        assert_eq!(left(Goal::Messages(300_000)), Some(0));
        assert_eq!((left(Goal::Connections), part(Goal::Connections)), (None, Some(0.98)));
    }

    #[test]
    fn nothing_is_promised_that_cannot_be_known() {
        let stuck = Snapshot { messages_per_s: 0.0, goal: Goal::Messages(600_000), ..sample() };
        assert_eq!(stuck.left(), None);
        let draining = Snapshot { phase: Phase::Draining, ..sample() };
        assert_eq!((draining.left(), draining.part()), (None, None));
        let over = Snapshot { elapsed: Duration::from_secs(11), ..sample() };
        assert_eq!((over.left(), over.part()), (Some(Duration::ZERO), Some(1.0)));
        let nothing =
            Snapshot { goal: Goal::Time(Duration::ZERO), elapsed: Duration::ZERO, ..over };
        assert_eq!(nothing.part(), Some(1.0));
    }

    #[test]
    fn quiet_asks_for_nothing_and_lines_come_as_often_as_wanted() {
        let interval = Duration::from_secs(3);
        assert_eq!(Reporter::new(Verbosity::Quiet).period(interval), None);
        assert_eq!(Reporter(Kind::Lines).period(interval), Some(interval));
        let bar = Bar::new(ProgressDrawTarget::hidden());
        assert_eq!(Reporter(Kind::Terminal(bar)).period(interval), Some(TERMINAL_PERIOD));
    }
}
