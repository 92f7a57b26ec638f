//! One pair after the other: measured in the way of its workload, kept, and told in a few words.

use crate::findings::finding::{Finding, ITSELF};
use crate::findings::metric;
use crate::measure::idle;
use crate::measure::pair::{self, Effort, Interrupted, Pair};
use crate::measure::watch::{Origin, Watch};
use crate::plan::Job;
use crate::results::raw::{Folder, Outcome, Raw};
use crate::workload::{Means, Setting, YARDSTICK};

/// Where results go, and how much is measured.
#[derive(Debug)]
pub(crate) struct Measuring<'a> {
    folder: &'a Folder,
    effort: Effort,
    origin: Origin,
}

/// What became of a pair, in a few words.
#[derive(Debug)]
pub(crate) enum Ending {
    Kept(String),
    Failed(String),
}

impl<'a> Measuring<'a> {
    pub(crate) fn new(folder: &'a Folder, effort: Effort) -> Self {
        Self { folder, effort, origin: Origin::here() }
    }

    /// # Errors
    /// A sentence why nothing more can be measured.
    pub(crate) fn measure(&self, job: &Job<'_>) -> Result<Ending, String> {
        let Job { setting, workload, peer } = *job;
        let command = match peer.name == ITSELF {
            true => pair::our_command(workload.ours),
            false => peer.command.clone(),
        };
        let pair = Pair::new(setting, workload, &command);
        let more = match workload.means {
            Means::Load | Means::Idle => vec![],
            Means::HalfTheRateOf(other) => match self.half_the_rate(setting, other)? {
                Some(rate) => vec!["--rate".to_owned(), rate.to_string()],
                None => {
                    let why = format!("{other} is not measured against {YARDSTICK} yet");
                    return Ok(Ending::Failed(why));
                }
            },
        };
        let watch = Watch::start()?;
        let outcome = self.outcome(&pair, &more);
        // Also when nothing came of it: none of what was started is left behind.
        let context = watch.stop(&self.origin);
        let raw = Raw {
            setting,
            workload: workload.name(),
            peer: peer.name.to_owned(),
            version: peer.version.clone(),
            outcome: outcome?,
            context: context?,
            is_outdated: false,
        };
        self.folder.keep(&raw)?;
        Ok(in_short(&raw, workload.metrics[0]))
    }

    fn outcome(&self, pair: &Pair<'_>, more: &[String]) -> Result<Outcome, String> {
        match pair.workload.means {
            Means::Idle => {
                Ok(idle::measure(pair, self.effort.rounds)
                    .map_or_else(Outcome::Failed, Outcome::Idle))
            }
            Means::Load | Means::HalfTheRateOf(_) => {
                pair.load(self.effort, more).map_err(|Interrupted| "stopped by a signal".to_owned())
            }
        }
    }

    /// In whole thousands a second, from what is kept.
    fn half_the_rate(&self, setting: Setting, other: &str) -> Result<Option<u64>, String> {
        let Some(raw) = self.folder.find(setting, other, YARDSTICK)? else { return Ok(None) };
        let reached = Finding::new(&raw.outcome, "throughput").theirs;
        // A rate of messages is far below 2^53, and positive.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(reached.map(|rate| (rate.mean / 2_000.0).round().max(1.0) as u64 * 1_000))
    }
}

fn in_short(raw: &Raw, name: &str) -> Ending {
    if let Outcome::Failed(failure) = &raw.outcome {
        return Ending::Failed(failure.why.clone());
    }
    let finding = Finding::new(&raw.outcome, name);
    let title = metric::title(name);
    let said = match (finding.estimate, finding.unfit) {
        (_, Some(unfit)) => format!("{title}: {unfit}"),
        (Some(estimate), None) => match estimate.interval {
            Some((low, high)) => format!("{title} {:.3} [{low:.3} .. {high:.3}]", estimate.ratio),
            None => format!("{title} {:.3}", estimate.ratio),
        },
        (None, None) => title.to_owned(),
    };
    let disturbed = if raw.context.is_disturbed() { ", disturbed" } else { "" };
    Ending::Kept(said + disturbed)
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::measure::pair::Effort;
    use crate::results::sample;

    #[test]
    fn half_the_rate_is_that_of_the_yardstick_in_whole_thousands() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let second = std::time::Duration::from_secs(1);
        let effort = Effort { rounds: 2, duration: second, warm_up: second };
        let measuring = Measuring::new(&folder, effort);
        assert_eq!(measuring.half_the_rate(Setting::Pinned, "W2"), Ok(None));
        folder.keep(&sample::raw("W2", YARDSTICK, VerdictKind::GeneratorLimited)).unwrap();
        assert_eq!(measuring.half_the_rate(Setting::Pinned, "W2"), Ok(Some(50_000)));
    }
}
