//! Measures one comparison after the other and adds each to the file of results.

use super::idle;
use super::pair::{Effort, Pair, our_command};
use super::watch::Watch;
use crate::findings::finding::{Finding, ITSELF};
use crate::findings::metric;
use crate::findings::outcome::Outcome;
use crate::peers::Peer;
use crate::results::{Comparison, Results, ResultsFile};
use crate::setting::Setting;
use crate::workload::{Means, Workload, YARDSTICK};

/// The file of results of a setting, and how much is measured.
#[derive(Debug)]
pub(crate) struct Measuring {
    pub(crate) setting: Setting,
    pub(crate) file: ResultsFile,
    pub(crate) effort: Effort,
}

/// How a comparison ended, in a few words.
#[derive(Debug)]
pub(crate) enum Ending {
    Measured(String),
    Failed(String),
}

impl Measuring {
    /// Measures a comparison and adds it to the file.
    ///
    /// # Errors
    /// A sentence that says why the run cannot go on.
    pub(crate) fn measure(&mut self, workload: &Workload, peer: &Peer) -> Result<Ending, String> {
        let command = match peer.name == ITSELF {
            true => our_command(workload.ours),
            false => peer.command.clone(),
        };
        let pair = Pair::new(self.setting, workload, &command);
        let rate = match workload.means {
            Means::Load | Means::Idle => None,
            Means::HalfTheRateOf(other) => match half_the_rate(self.file.results(), other) {
                Some(rate) => Some(rate),
                None => return Ok(Ending::Failed(rate_is_missing(other))),
            },
        };
        let watch = Watch::start()?;
        let outcome = measure(&pair, self.effort, rate);
        // Stops in any case, so that no process is left behind.
        let conditions = watch.stop();
        let comparison = Comparison {
            workload: workload.name(),
            peer: peer.name.to_owned(),
            outcome: outcome?,
            conditions: conditions?,
        };
        let ending = ending(&comparison, workload.metrics[0]);
        self.file.append(comparison)?;
        Ok(ending)
    }
}

fn measure(pair: &Pair<'_>, effort: Effort, rate: Option<u64>) -> Result<Outcome, String> {
    match pair.workload.means {
        Means::Idle => {
            let measured = idle::measure(pair, effort.rounds);
            Ok(measured.map_or_else(Outcome::Failed, Outcome::Idle))
        }
        Means::Load | Means::HalfTheRateOf(_) => pair.load(effort, rate),
    }
}

/// Returns half of the rate that the yardstick reached in a workload, in whole thousands per second.
fn half_the_rate(results: &Results, workload: &str) -> Option<u64> {
    let comparison = results.find(workload, YARDSTICK)?;
    let reached = Finding::new(&comparison.outcome, "throughput").theirs?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate of messages is positive and far below 2^53"
    )]
    Some((reached.mean / 2_000.0).round().max(1.0) as u64 * 1_000)
}

fn rate_is_missing(workload: &str) -> String {
    format!("its rate follows from {workload} against {YARDSTICK}, which this run has not measured")
}

fn ending(comparison: &Comparison, name: &str) -> Ending {
    if let Outcome::Failed(failure) = &comparison.outcome {
        return Ending::Failed(failure.why.clone());
    }
    let finding = Finding::new(&comparison.outcome, name);
    let title = metric::title(name);
    let words = match (finding.estimate, finding.unfit) {
        (_, Some(unfit)) => format!("{title}: {unfit}"),
        (Some(estimate), None) => match estimate.interval {
            Some((low, high)) => format!("{title} {:.3} [{low:.3} .. {high:.3}]", estimate.ratio),
            None => format!("{title} {:.3}", estimate.ratio),
        },
        (None, None) => title.to_owned(),
    };
    let disturbed = if comparison.conditions.is_disturbed() { ", disturbed" } else { "" };
    Ending::Measured(words + disturbed)
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::sample;

    #[test]
    fn half_the_rate_is_half_of_the_yardsticks_in_whole_thousands() {
        assert_eq!(half_the_rate(&sample::results(vec![]), "W2"), None);
        let yardstick = sample::comparison("W2", YARDSTICK, VerdictKind::GeneratorLimited);
        assert_eq!(half_the_rate(&sample::results(vec![yardstick]), "W2"), Some(50_000));
    }

    #[test]
    fn a_comparison_ends_with_its_first_figure() {
        let comparison = sample::comparison("W2", "Go", VerdictKind::Valid);
        let Ending::Measured(words) = ending(&comparison, "cpu") else { panic!("failed") };
        assert!(words.starts_with("CPU per message 0.9"), "{words}");
    }
}
