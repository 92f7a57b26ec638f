//! What the rounds of a pair say about a metric; pure. The statistics are those of `loadtest compare`,
//! made anew from its rounds.

use echo_loadtest::compare::{CompareReport, Metric, Round};
use echo_loadtest::run_report::VerdictKind;
use echo_loadtest::statistics::{Estimate, MIN_PAIRS, geometric_mean};

use super::metric;
use super::raw::{Idle, Outcome};

/// The peer that is our own server: what it differs by is chance.
pub(super) const ITSELF: &str = "itself";

/// A finding, and whom we were compared with.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) peer: String,
    pub(super) finding: Finding,
    /// Whether others kept the machine busy meanwhile.
    pub(super) is_disturbed: bool,
}

impl Named {
    /// Whether it is somebody else.
    pub(super) fn is_peer(&self) -> bool {
        self.peer != ITSELF
    }
}

/// What is known of a metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Finding {
    /// The geometric mean of the peer's figures.
    pub(super) theirs: Option<f64>,
    /// That of ours.
    pub(super) ours: Option<f64>,
    /// What the ratios ours/theirs say; none when a figure is zero.
    pub(super) estimate: Option<Estimate>,
    /// Our figure in each round.
    pub(super) our_rounds: Vec<f64>,
    /// How many rounds count.
    pub(super) rounds: usize,
    /// Why the figures cannot be ranked, if so; those that there are may be the load tester's.
    pub(super) unfit: Option<String>,
    /// Whether the pair could not be measured.
    pub(super) has_failed: bool,
}

impl Finding {
    pub(super) fn new(outcome: &Outcome, name: &str) -> Self {
        match outcome {
            Outcome::Compared(report) => Self::of_report(report, name),
            Outcome::Idle(idle) => Self::of_idle(idle, name),
            Outcome::Failed(why) => Self { has_failed: true, ..Self::unknown(why) },
        }
    }

    /// Times and rates count in the rounds that `loadtest` lets count, what a server costs also in
    /// those that its load tester could not drive faster.
    fn of_report(report: &CompareReport, name: &str) -> Self {
        let Ok(metric) = name.parse() else {
            return Self::unknown("this loadtest does not measure it");
        };
        let counts: fn(&Round) -> bool = match metric::is_cost(name) {
            true => is_complete,
            false => |round| round.used,
        };
        let fit: Vec<&Round> = report.rounds.iter().filter(|round| counts(round)).collect();
        let needed = (report.rounds_asked as usize).min(MIN_PAIRS);
        if fit.len() >= needed {
            return Self::of_rounds(&fit, metric, report.load.seed);
        }
        let all: Vec<&Round> = report.rounds.iter().collect();
        Self {
            estimate: None,
            rounds: fit.len(),
            unfit: Some(report.verdict.kind.name().to_lowercase()),
            ..Self::of_rounds(&all, metric, report.load.seed)
        }
    }

    fn of_rounds(rounds: &[&Round], metric: Metric, seed: u64) -> Self {
        let pair = |round: &&Round| Some((metric.of(&round.a)?, metric.of(&round.b)?));
        let pairs: Vec<(f64, f64)> = rounds.iter().filter_map(pair).collect();
        let lacking = rounds.len() - pairs.len();
        if lacking > 0 {
            // The others were not chosen by chance.
            let rounds = rounds.len();
            return Self::unknown(&format!("zero or not measured in {lacking} of {rounds} rounds"));
        }
        Self::of_pairs(&pairs, seed)
    }

    fn of_idle(idle: &Idle, name: &str) -> Self {
        let pairs: Option<Vec<(f64, f64)>> = idle
            .rounds
            .iter()
            .map(|round| Some((round.a.figure(name)?, round.b.figure(name)?)))
            .collect();
        match pairs {
            Some(pairs) => Self::of_pairs(&pairs, idle.seed),
            None => Self::unknown("not measured on idle connections"),
        }
    }

    /// Theirs and ours, round by round.
    pub(super) fn of_pairs(pairs: &[(f64, f64)], seed: u64) -> Self {
        let (theirs, ours): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratios: Vec<f64> = pairs.iter().map(|(theirs, ours)| ours / theirs).collect();
        Self {
            theirs: mean(&theirs),
            ours: mean(&ours),
            estimate: Estimate::new(&ratios, seed),
            rounds: pairs.len(),
            our_rounds: ours,
            unfit: None,
            has_failed: false,
        }
    }

    fn unknown(why: &str) -> Self {
        Self { unfit: Some(why.to_owned()), ..Self::default() }
    }
}

/// Whether all that was asked for was sent, and came back.
fn is_complete(round: &Round) -> bool {
    [&round.a, &round.b].iter().all(|side| side.verdict.kind != VerdictKind::Incomplete)
}

/// The geometric mean; where one of the values is zero, 0.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| geometric_mean(values))
}

#[cfg(test)]
mod tests {
    use echo_loadtest::compare::CompareReport;

    use super::super::sample;
    use super::*;

    #[test]
    fn of_valid_rounds_it_says_what_loadtest_says() {
        let report = sample::report(10, VerdictKind::Valid);
        for name in ["cpu", "p99", "throughput"] {
            let finding = Finding::new(&Outcome::Compared(Box::new(report.clone())), name);
            let said = report.metrics.iter().find(|said| said.metric.name() == name).unwrap();
            assert_eq!((finding.theirs, finding.ours), (said.a, said.b), "{name}");
            let estimate = finding.estimate.unwrap();
            assert_eq!(Some(estimate.ratio), said.ratio);
            let interval = said.interval.map(|bounds| (bounds.low, bounds.high));
            assert_eq!(estimate.interval, interval);
            assert_eq!((finding.unfit, finding.rounds), (None, 10));
        }
    }

    #[test]
    fn where_the_generator_was_the_limit_only_costs_count() {
        let outcome =
            Outcome::Compared(Box::new(sample::report(10, VerdictKind::GeneratorLimited)));
        let cost = Finding::new(&outcome, "cpu");
        assert!(cost.estimate.is_some() && cost.unfit.is_none() && cost.rounds == 10);
        let time = Finding::new(&outcome, "p99");
        assert_eq!(time.unfit.as_deref(), Some("generator-limited"));
        assert!(time.estimate.is_none() && time.ours.is_some() && time.rounds == 0);
    }

    #[test]
    fn incomplete_rounds_count_for_nothing() {
        let outcome = Outcome::Compared(Box::new(sample::report(10, VerdictKind::Incomplete)));
        for name in ["cpu", "p99"] {
            let finding = Finding::new(&outcome, name);
            assert_eq!(finding.unfit.as_deref(), Some("incomplete"), "{name}");
        }
    }

    #[test]
    fn a_round_that_lacks_a_figure_takes_the_ratio_along() {
        let mut report: CompareReport = sample::report(10, VerdictKind::Valid);
        report.rounds[3].a.cpu_per_message_ns = None;
        let finding = Finding::new(&Outcome::Compared(Box::new(report)), "cpu");
        assert_eq!(finding.unfit.as_deref(), Some("zero or not measured in 1 of 10 rounds"));
        assert_eq!(finding.estimate, None);
    }

    #[test]
    fn figures_of_zero_have_no_ratio_and_stay_figures() {
        let finding = Finding::of_pairs(&[(8.0, 0.0), (2.0, 0.0)], 1);
        assert_eq!((finding.theirs, finding.ours), (Some(4.0), Some(0.0)));
        assert_eq!((finding.estimate, finding.unfit), (None, None));
    }
}
