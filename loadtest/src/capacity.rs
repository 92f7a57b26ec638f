//! The highest rate at which a server meets its objectives. Knows neither sockets nor a clock: a closure
//! measures.
//!
//! The search raises the rate by a factor until a rate breaks an objective. Then it tries rates between
//! those that hold and those that break. At the end it repeats the highest rate that holds and the
//! lowest that breaks.
//!
//! A round that is not VALID says nothing about the server and is measured again. If no attempt is
//! VALID:
//!
//! - The rate counts as beyond the generator, and the capacity is reported as "at least".
//! - But if all attempts were INCOMPLETE and the load tester's own system made no errors, the server does
//!   not take the load, and the rate counts as one that breaks.

pub(crate) mod curve;
mod report;
mod search;

use log::info;

pub use report::{CapacityReport, FORMAT, Knee, Round};
pub use search::Ending;

use crate::report::objective::Slo;
use crate::report::run_report::{RunReport, VerdictKind};
use search::{Judgement, Search, Step};

/// The settings of a search. Rates are messages a second, positive and finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The first rate, from `min_rate` to `max_rate`.
    pub start_rate: f64,
    /// The lowest rate to try.
    pub min_rate: f64,
    /// The highest rate to try.
    pub max_rate: f64,
    /// The factor from one rate to the next while no rate breaks, or none holds; above 1.
    pub factor: f64,
    /// How close the highest rate that holds and the lowest that breaks have to be, as a part of the
    /// rate; above 0.
    pub precision: f64,
    /// Number of rounds at each of these two rates; at least 1.
    pub confirmations: u32,
    /// Maximum number of further attempts at a round that is not VALID.
    pub max_retries: u32,
    /// Maximum number of rounds, those that are not VALID included; at least 1.
    pub max_rounds: u32,
    /// Whether each round is logged at INFO.
    pub tells_rounds: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            start_rate: 1_000.0,
            min_rate: 10.0,
            max_rate: 100_000_000.0,
            factor: 2.0,
            precision: 0.05,
            confirmations: 5,
            max_retries: 2,
            max_rounds: 60,
            tells_rounds: true,
        }
    }
}

/// Searches for the highest rate that meets all objectives. `measure` runs a load at a rate. If it
/// fails, or a signal stops it, the report says what was found before.
///
/// # Errors
/// The error of the first round, if that one failed.
pub fn find(
    settings: &Settings,
    objectives: &[Slo],
    mut measure: impl FnMut(f64) -> Result<RunReport, String>,
) -> Result<CapacityReport, String> {
    let mut hunt = Hunt { settings, objectives, rounds: vec![], first: None };
    let mut search = Search::new(settings.clone());
    let ending = loop {
        let left = settings.max_rounds.saturating_sub(hunt.count());
        let rate = match search.next() {
            Step::Done(ending) => break ending,
            Step::Measure(_) if left == 0 => break Ending::RoundsUsedUp,
            Step::Measure(rate) => rate,
        };
        match hunt.judge(rate, left, &mut measure) {
            Ok(judgement) => search.record(rate, judgement),
            Err(Stop::Unsettled) => break Ending::RoundsUsedUp,
            Err(Stop::Interrupted) => break Ending::Interrupted,
            Err(Stop::Failed(error)) if hunt.first.is_none() => return Err(error),
            Err(Stop::Failed(error)) => break Ending::Failed { error },
        }
    };
    hunt.conclude(&search, ending)
}

/// Why there is no judgement of a rate.
enum Stop {
    Interrupted,
    Failed(String),
    /// No round is left for another attempt.
    Unsettled,
}

struct Hunt<'a> {
    settings: &'a Settings,
    objectives: &'a [Slo],
    rounds: Vec<Round>,
    /// The first run, which has the machine and the load.
    first: Option<RunReport>,
}

impl Hunt<'_> {
    fn count(&self) -> u32 {
        u32::try_from(self.rounds.len()).unwrap_or(u32::MAX)
    }

    /// Measures at `rate` until a round is VALID, at most `left` times.
    fn judge(
        &mut self,
        rate: f64,
        left: u32,
        measure: &mut impl FnMut(f64) -> Result<RunReport, String>,
    ) -> Result<Judgement, Stop> {
        let attempts = self.settings.max_retries.saturating_add(1);
        let mut is_the_servers = true;
        for _ in 0..attempts.min(left) {
            let report = measure(rate).map_err(Stop::Failed)?;
            if report.interrupted {
                self.first.get_or_insert(report);
                return Err(Stop::Interrupted);
            }
            let round = self.record(rate, &report);
            if round.used {
                return Ok(if round.met { Judgement::Held } else { Judgement::Broke });
            }
            is_the_servers &=
                report.verdict.kind == VerdictKind::Incomplete && report.errors.local == 0;
            self.first.get_or_insert(report);
        }
        match is_the_servers {
            _ if left < attempts => Err(Stop::Unsettled),
            true => Ok(Judgement::Broke),
            false => Ok(Judgement::Limited),
        }
    }

    fn record(&mut self, rate: f64, report: &RunReport) -> Round {
        if self.first.is_none() {
            self.first = Some(report.clone());
        }
        let objectives: Vec<_> =
            self.objectives.iter().map(|objective| objective.judge(report)).collect();
        let latency = report.latency();
        let round = Round {
            number: self.count() + 1,
            rate_asked: rate,
            rate_achieved: report.throughput.messages_per_s,
            p50_ns: latency.p50_ns,
            p99_ns: latency.p99_ns,
            p99_9_ns: latency.p99_9_ns,
            errors: report.errors.total(),
            verdict: report.verdict.clone(),
            met: objectives.iter().all(|objective| objective.met),
            objectives,
            used: report.verdict.kind == VerdictKind::Valid,
        };
        if self.settings.tells_rounds {
            let (number, kind, met) = (round.number, round.verdict.kind.name(), round.met);
            info!("capacity round={number} rate={rate} verdict={kind} met={met}");
        }
        self.rounds.push(round.clone());
        round
    }

    fn conclude(self, search: &Search, ending: Ending) -> Result<CapacityReport, String> {
        let first = self.first.ok_or("no round was measured")?;
        let (held, broke) = search.bracket();
        let (held, broke) = (held.map(Knee::new), broke.map(Knee::new));
        Ok(CapacityReport {
            format: FORMAT.to_owned(),
            program: first.program,
            command: first.command,
            machine: first.machine,
            target: first.target,
            load: first.load,
            started_at: first.started_at,
            objectives: self.objectives.iter().map(ToString::to_string).collect(),
            rounds: self.rounds,
            capacity: held.as_ref().map(|knee| knee.rate),
            conclusion: report::conclusion(held.as_ref(), broke.as_ref(), &ending, self.settings),
            interrupted: ending == Ending::Interrupted,
            held,
            broke,
            ending,
        })
    }
}

#[cfg(test)]
mod tests;
