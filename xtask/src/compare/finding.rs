//! What the rounds of a pair say about a metric; pure. The statistics are those of `loadtest compare`,
//! made anew from its rounds.

use echo_loadtest::compare::{CompareReport, Figures, Metric, Round, Side};
use echo_loadtest::run_report::VerdictKind;
use echo_loadtest::statistics::{Estimate, MIN_PAIRS};

use super::figure::Figure;
use super::metric;
use super::raw::{Failure, Idle, Outcome};

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

    /// Whether it is somebody else, and there is a ratio.
    pub(super) fn is_ranked(&self) -> bool {
        self.is_peer() && self.finding.estimate.is_some()
    }
}

/// What is known of a metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Finding {
    pub(super) theirs: Option<Figure>,
    pub(super) ours: Option<Figure>,
    /// What the ratios ours/theirs say; none when a figure is zero.
    pub(super) estimate: Option<Estimate>,
    /// Our figure in each round that says something of our server.
    pub(super) our_rounds: Vec<f64>,
    /// Those of ours, of a pair that is unfit, that may be the load tester's.
    pub(super) our_limited_rounds: Vec<f64>,
    /// How many rounds count.
    pub(super) rounds: usize,
    /// Why the figures cannot be ranked, if so.
    pub(super) unfit: Option<Unfit>,
}

/// Why figures cannot be ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// They may be the load tester's own.
    Limited,
    /// The peer could not do what was asked.
    Theirs(&'static str),
    /// Our server could not, or something was not measured.
    Unknown(String),
}

impl Unfit {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Limited => "generator-limited",
            Self::Theirs(words) => words,
            Self::Unknown(words) => words,
        }
    }

    fn failed(failure: &Failure) -> Self {
        match failure.side {
            Some(Side::A) => Self::Theirs("failed"),
            Some(Side::B) | None => Self::Unknown("failed".to_owned()),
        }
    }

    /// Of rounds too few of which count.
    fn of(report: &CompareReport) -> Self {
        let is_incomplete = |side: fn(&Round) -> &VerdictKind| {
            report.rounds.iter().any(|round| *side(round) == VerdictKind::Incomplete)
        };
        let theirs = is_incomplete(|round| &round.a.verdict.kind);
        let ours = is_incomplete(|round| &round.b.verdict.kind);
        match report.verdict.kind {
            VerdictKind::GeneratorLimited if !ours => Self::Limited,
            VerdictKind::Incomplete if theirs && !ours => Self::Theirs("incomplete"),
            VerdictKind::GeneratorLimited | VerdictKind::Incomplete | VerdictKind::Valid => {
                Self::Unknown("incomplete".to_owned())
            }
        }
    }
}

impl Finding {
    pub(super) fn new(outcome: &Outcome, name: &str) -> Self {
        match outcome {
            Outcome::Compared(report) => Self::of_report(report, name),
            Outcome::Idle(idle) => Self::of_idle(idle, name),
            Outcome::Failed(failure) => {
                Self { unfit: Some(Unfit::failed(failure)), ..Self::default() }
            }
        }
    }

    /// Times and rates count in the rounds that `loadtest` lets count. In those that its load tester
    /// could not drive faster, what a server costs counts too, and in a closed loop times that end when
    /// the system received. In an open one they begin when a message was due: its lateness is in them.
    fn of_report(report: &CompareReport, name: &str) -> Self {
        let Ok(metric) = name.parse() else {
            return Self::unknown("this loadtest does not measure it");
        };
        let is_by_the_system = report.load.kernel_timestamps && report.load.rate.is_none();
        let counts: fn(&Round) -> bool = match is_by_the_system && metric::is_of_messages(name) {
            _ if metric::is_cost(name) => is_complete,
            true => |round| is_complete(round) && has_stamps(round),
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
            unfit: Some(Unfit::of(report)),
            our_rounds: ours(&all, metric, &VerdictKind::Valid),
            our_limited_rounds: ours(&all, metric, &VerdictKind::GeneratorLimited),
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
            theirs: Figure::new(&theirs),
            ours: Figure::new(&ours),
            estimate: Estimate::new(&ratios, seed),
            rounds: pairs.len(),
            our_rounds: ours,
            our_limited_rounds: vec![],
            unfit: None,
        }
    }

    fn unknown(why: &str) -> Self {
        Self { unfit: Some(Unfit::Unknown(why.to_owned())), ..Self::default() }
    }
}

/// Our figures of the rounds in which our side has this verdict and all went well, whatever the load tester
/// was beside the peer.
fn ours(rounds: &[&Round], metric: Metric, kind: &VerdictKind) -> Vec<f64> {
    let sound = rounds.iter().filter(|round| is_complete(round) && round.b.errors == 0);
    let alike = sound.filter(|round| round.b.verdict.kind == *kind);
    alike.filter_map(|round| metric.of(&round.b)).collect()
}

/// Whether the system said of nearly all messages when it received them.
fn has_stamps(round: &Round) -> bool {
    let has = |side: &Figures| side.without_stamp.is_some_and(|count| count <= side.messages / 100);
    has(&round.a) && has(&round.b)
}

/// Whether all that was asked for was sent, and came back.
fn is_complete(round: &Round) -> bool {
    [&round.a, &round.b].iter().all(|side| side.verdict.kind != VerdictKind::Incomplete)
}

#[cfg(test)]
mod tests {
    use echo_loadtest::compare::CompareReport;

    use super::super::sample;
    use super::*;

    fn means(finding: &Finding) -> (Option<f64>, Option<f64>) {
        (finding.theirs.map(|figure| figure.mean), finding.ours.map(|figure| figure.mean))
    }

    #[test]
    fn of_valid_rounds_it_says_what_loadtest_says() {
        let report = sample::report(10, VerdictKind::Valid);
        for name in ["cpu", "p99", "throughput"] {
            let finding = Finding::new(&Outcome::Compared(Box::new(report.clone())), name);
            let said = report.metrics.iter().find(|said| said.metric.name() == name).unwrap();
            assert_eq!(means(&finding), (said.a, said.b), "{name}");
            let estimate = finding.estimate.unwrap();
            assert_eq!(Some(estimate.ratio), said.ratio);
            let interval = said.interval.map(|bounds| (bounds.low, bounds.high));
            assert_eq!(estimate.interval, interval);
            assert_eq!((finding.unfit, finding.rounds), (None, 10));
        }
    }

    #[test]
    fn where_the_generator_was_the_limit_only_costs_count() {
        let mut report = sample::report(10, VerdictKind::GeneratorLimited);
        for round in &mut report.rounds[1..] {
            round.b.verdict.kind = VerdictKind::GeneratorLimited;
        }
        report.rounds[0].b.verdict.kind = VerdictKind::Valid;
        let outcome = Outcome::Compared(Box::new(report));
        let cost = Finding::new(&outcome, "cpu");
        assert!(cost.estimate.is_some() && cost.unfit.is_none() && cost.rounds == 10);
        let time = Finding::new(&outcome, "p99");
        assert_eq!(time.unfit, Some(Unfit::Limited));
        assert!(time.estimate.is_none() && time.ours.is_some() && time.rounds == 0);
        assert_eq!((time.our_rounds.len(), time.our_limited_rounds.len()), (1, 9));
    }

    #[test]
    fn times_that_end_by_the_systems_clock_depend_on_the_generator_only_in_an_open_loop() {
        let mut report = sample::report(10, VerdictKind::GeneratorLimited);
        report.load.kernel_timestamps = true;
        report.load.rate = Some(40_000.0);
        let outcome = Outcome::Compared(Box::new(report.clone()));
        assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited));
        report.load.rate = None;
        let outcome = Outcome::Compared(Box::new(report.clone()));
        assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited), "nobody counted");
        for side in report.rounds.iter_mut().flat_map(|round| [&mut round.a, &mut round.b]) {
            side.without_stamp = Some(0);
        }
        let outcome = Outcome::Compared(Box::new(report.clone()));
        let time = Finding::new(&outcome, "p99");
        assert!(time.estimate.is_some() && time.unfit.is_none() && time.rounds == 10);
        assert_eq!(Finding::new(&outcome, "throughput").unfit, Some(Unfit::Limited));
        for round in &mut report.rounds {
            round.b.without_stamp = Some(round.b.messages);
        }
        let outcome = Outcome::Compared(Box::new(report));
        assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited));
    }

    #[test]
    fn incomplete_rounds_count_for_nothing() {
        let outcome = Outcome::Compared(Box::new(sample::report(10, VerdictKind::Incomplete)));
        for name in ["cpu", "p99"] {
            let finding = Finding::new(&outcome, name);
            assert_eq!(finding.unfit, Some(Unfit::Unknown("incomplete".to_owned())), "{name}");
        }
    }

    #[test]
    fn a_failure_is_the_peers_only_when_our_server_has_none() {
        let mut report = sample::report(10, VerdictKind::Incomplete);
        for round in &mut report.rounds {
            round.b.verdict.kind = VerdictKind::Valid;
        }
        let finding = Finding::new(&Outcome::Compared(Box::new(report)), "p99");
        assert_eq!(finding.unfit, Some(Unfit::Theirs("incomplete")));
        for (side, unfit) in [
            (Some(Side::A), Unfit::Theirs("failed")),
            (Some(Side::B), Unfit::Unknown("failed".to_owned())),
            (None, Unfit::Unknown("failed".to_owned())),
        ] {
            let failure = Failure { side, why: "no luck".to_owned() };
            assert_eq!(Finding::new(&Outcome::Failed(failure), "p99").unfit, Some(unfit));
        }
    }

    #[test]
    fn a_round_that_lacks_a_figure_takes_the_ratio_along() {
        let mut report: CompareReport = sample::report(10, VerdictKind::Valid);
        report.rounds[3].a.cpu_per_message_ns = None;
        let finding = Finding::new(&Outcome::Compared(Box::new(report)), "cpu");
        let why = "zero or not measured in 1 of 10 rounds".to_owned();
        assert_eq!(finding.unfit, Some(Unfit::Unknown(why)));
        assert_eq!(finding.estimate, None);
    }

    #[test]
    fn figures_of_zero_have_no_ratio_and_stay_figures() {
        let finding = Finding::of_pairs(&[(8.0, 0.0), (2.0, 0.0)], 1);
        assert_eq!(means(&finding), (Some(4.0), Some(0.0)));
        assert_eq!((finding.estimate, finding.unfit), (None, None));
    }
}
