//! Compares two servers. A closure measures, so the comparison knows neither sockets nor processes. Only
//! `runner` and `usage_watch` start servers and watch them.
//!
//! Each round measures both servers, one right after the other. Only their ratio counts, because
//! anything that slows the machine for a while slows both. The order alternates, A B B A A B …: a
//! steady change, such as a processor that gets warm, then favours both sides equally often. In the
//! order A B A B it would always favour the same side.
//!
//! A round counts only if both its runs are VALID. Otherwise it is marked, left out, and measured again,
//! until [`Settings::max_repeats`] is used up.

pub(crate) mod conclusion;
mod fail_if;
mod metric;
mod report;
mod round;
mod runner;
mod usage_watch;

use log::info;

pub use fail_if::FailIf;
pub use metric::Metric;
pub use report::{CompareReport, Comparison, Condition, Difference, FORMAT, Interval};
pub use round::{Figures, Round, ServerUse, Side};
pub use runner::{Measured, SideRunner};

use crate::report::run_report::{RunReport, Verdict, VerdictKind};

/// The settings of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Number of rounds that have to count. At least [`MIN_PAIRS`](crate::statistics::MIN_PAIRS) are
    /// needed to show a difference.
    pub rounds: u32,
    /// Maximum number of rounds that are measured again.
    pub max_repeats: u32,
    /// Seed of the runs and of the statistics.
    pub seed: u64,
    /// The conditions under which the comparison fails.
    pub fail_if: Vec<FailIf>,
    /// Whether each round is logged at INFO.
    pub tells_rounds: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rounds: 10, max_repeats: 5, seed: 0, fail_if: vec![], tells_rounds: true }
    }
}

/// Compares `b` with `a`. A run of each warms up and does not count; then come the rounds. `measure`
/// runs a load with a seed against a side, and both sides of a round get the same seed. If it fails, or
/// a signal stops it, the rounds before count.
///
/// # Errors
/// The error of the run that failed, if it was one of the first two.
pub fn compare(
    settings: &Settings,
    a: &str,
    b: &str,
    mut measure: impl FnMut(Side, u64) -> Result<Measured, String>,
) -> Result<CompareReport, String> {
    let mut warm_up = |side: Side| {
        measure(side, settings.seed).map_err(|error| format!("warm up {side}: {error}"))
    };
    let first = warm_up(Side::A)?.report;
    let second = warm_up(Side::B)?.report;
    let mut rounds = Rounds::new(settings);
    if !first.interrupted && !second.interrupted {
        rounds.measure(&mut measure);
    } else {
        rounds.interrupted = true;
    }
    Ok(rounds.conclude(&first, a, b))
}

/// The rounds so far.
struct Rounds<'a> {
    settings: &'a Settings,
    done: Vec<Round>,
    repeats: u32,
    ended_at: Option<String>,
    interrupted: bool,
    failure: Option<String>,
}

/// Why a round was not measured to its end. No other round follows.
enum Stop {
    Interrupted,
    Failed(String),
}

impl<'a> Rounds<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            done: vec![],
            repeats: 0,
            ended_at: None,
            interrupted: false,
            failure: None,
        }
    }

    fn measure(&mut self, measure: &mut impl FnMut(Side, u64) -> Result<Measured, String>) {
        for number in 1..=self.settings.rounds {
            match self.round_until_valid(number, measure) {
                Ok(()) => {}
                Err(Stop::Interrupted) => return self.interrupted = true,
                Err(Stop::Failed(error)) => {
                    return self.failure = Some(format!("stopped in round {number}: {error}"));
                }
            }
        }
    }

    fn round_until_valid(
        &mut self,
        number: u32,
        measure: &mut impl FnMut(Side, u64) -> Result<Measured, String>,
    ) -> Result<(), Stop> {
        for attempt in 1.. {
            let round = self.round(number, attempt, measure)?;
            let used = round.used;
            if self.settings.tells_rounds {
                info!("compare round={number} attempt={attempt} used={used}");
            }
            self.done.push(round);
            if used || self.repeats == self.settings.max_repeats {
                break;
            }
            self.repeats += 1;
        }
        Ok(())
    }

    fn round(
        &mut self,
        number: u32,
        attempt: u32,
        measure: &mut impl FnMut(Side, u64) -> Result<Measured, String>,
    ) -> Result<Round, Stop> {
        let seed = self.settings.seed.wrapping_add(number.into());
        let first = if number % 2 == 1 { Side::A } else { Side::B };
        let mut run = |side: Side| {
            let Measured { report, server } =
                measure(side, seed).map_err(|error| Stop::Failed(format!("{side}: {error}")))?;
            if report.interrupted {
                return Err(Stop::Interrupted);
            }
            self.ended_at = Some(report.ended_at.clone());
            Ok(Figures::new(&report, server))
        };
        let (a, b) = match first {
            Side::A => {
                let a = run(Side::A)?;
                (a, run(Side::B)?)
            }
            Side::B => {
                let b = run(Side::B)?;
                (run(Side::A)?, b)
            }
        };
        let used = [&a, &b].iter().all(|side| side.verdict.kind == VerdictKind::Valid);
        Ok(Round { number, attempt, first, used, a, b })
    }

    fn conclude(self, first: &RunReport, a: &str, b: &str) -> CompareReport {
        let verdict = self.verdict();
        let metrics: Vec<Comparison> = Metric::all()
            .filter(|metric| metric.is_of(&first.load))
            .map(|metric| Comparison::new(metric, &self.done, self.settings.seed))
            .collect();
        let conditions =
            self.settings.fail_if.iter().map(|condition| condition.judge(&metrics)).collect();
        CompareReport {
            format: FORMAT.to_owned(),
            program: first.program.clone(),
            command: first.command.clone(),
            machine: first.machine.clone(),
            a: a.to_owned(),
            b: b.to_owned(),
            load: first.load.clone(),
            started_at: first.started_at.clone(),
            ended_at: self.ended_at.unwrap_or_else(|| first.ended_at.clone()),
            rounds_asked: self.settings.rounds,
            verdict,
            interrupted: self.interrupted,
            rounds: self.done,
            metrics,
            conditions,
        }
    }

    /// Returns the verdict: VALID if all rounds that were asked for count.
    fn verdict(&self) -> Verdict {
        let (asked, used) =
            (self.settings.rounds as usize, self.done.iter().filter(|round| round.used).count());
        if used >= asked {
            return Verdict { kind: VerdictKind::Valid, reasons: vec![] };
        }
        let mut reasons = vec![format!("{used} of {asked} rounds count")];
        reasons.extend(self.failure.clone());
        reasons.extend(self.interrupted.then(|| "stopped by a signal".to_owned()));
        let wrong: Vec<&Verdict> = self.done.iter().flat_map(Round::invalid).collect();
        reasons.extend(wrong.iter().find_map(|verdict| verdict.reasons.first().cloned()));
        let is_limited = wrong.iter().any(|verdict| verdict.kind == VerdictKind::GeneratorLimited);
        let kind = if is_limited { VerdictKind::GeneratorLimited } else { VerdictKind::Incomplete };
        Verdict { kind, reasons }
    }
}

#[cfg(test)]
mod tests;
