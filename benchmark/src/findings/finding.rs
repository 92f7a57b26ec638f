//! What the rounds of a pair say about a metric; pure. The statistics are those of `loadtest compare`,
//! made anew from its rounds.

use std::fmt;

use echo_loadtest::compare::{CompareReport, Figures, Metric, Round, Side};
use echo_loadtest::run_report::VerdictKind;
use echo_loadtest::statistics::{Estimate, MIN_PAIRS};

use crate::findings::figure::Figure;
use crate::findings::metric;
use crate::results::raw::{Failure, Idle, Outcome};

/// The peer that is our own server: what it differs by is chance.
pub(crate) const ITSELF: &str = "itself";

/// A finding, and whom we were compared with.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) peer: String,
    pub(crate) finding: Finding,
    /// Whether others kept the machine busy meanwhile.
    pub(crate) is_disturbed: bool,
}

impl Named {
    /// Whether it is somebody else.
    pub(crate) fn is_peer(&self) -> bool {
        self.peer != ITSELF
    }

    /// Whether it is somebody else, and there is a ratio.
    pub(crate) fn is_ranked(&self) -> bool {
        self.is_peer() && self.finding.estimate.is_some()
    }
}

/// What is known of a metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Finding {
    pub(crate) theirs: Option<Figure>,
    pub(crate) ours: Option<Figure>,
    /// What the ratios ours/theirs say; none when a figure is zero.
    pub(crate) estimate: Option<Estimate>,
    /// Our figure in each round that says something of our server.
    pub(crate) our_rounds: Vec<f64>,
    /// Those of ours, of a pair that is unfit, that may be the load tester's.
    pub(crate) our_limited_rounds: Vec<f64>,
    /// How many rounds count.
    pub(crate) rounds: usize,
    /// Why the figures cannot be ranked, if so.
    pub(crate) unfit: Option<Unfit>,
}

/// What is known of a ratio when one of the two figures may be the load tester's, and the other is not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Why figures cannot be ranked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unfit {
    /// They may be the load tester's own; what is known of the ratio all the same.
    Limited(Option<Bound>),
    /// The peer could not do what was asked.
    Theirs(&'static str),
    /// Our server could not, or something was not measured.
    Unknown(String),
}

impl Bound {
    /// What the rounds say when the load tester was not the limit beside one side, in nearly all of them,
    /// and may have been beside the other: a rate that it limits is too low. Times of messages are too
    /// long then, but in a closed loop less is asked of the server too: only those of an open loop have one.
    fn new(report: &CompareReport, metric: Metric) -> Option<Self> {
        let is_rate = metric::is_more_better(metric.name());
        let is_time = metric::is_of_messages(metric.name()) && report.load.rate.is_some();
        // Of a flood the thread that drives it tells, not those beside it.
        let is_free = |side: &Figures| match metric == Metric::FloodThroughput {
            true => !metric.is_limited(side),
            false => side.verdict.kind == VerdictKind::Valid,
        };
        let interval = |of: fn(&Round) -> &Figures| {
            let is_sound = |round: &&Round| {
                is_complete(round) && sides(round).into_iter().all(|side| side.errors == 0)
            };
            let sound = report.rounds.iter().filter(is_sound);
            let free: Vec<&Round> = sound.filter(|round| is_free(of(round))).collect();
            let are_enough =
                free.len() >= MIN_PAIRS && are_nearly_all(free.len(), report.rounds.len());
            let found = are_enough.then(|| Finding::of_rounds(&free, metric, report.load.seed));
            found?.estimate?.interval
        };
        let beside_theirs = interval(|round| &round.a);
        let beside_ours = interval(|round| &round.b);
        match (beside_theirs, beside_ours) {
            // Ours may be better than it seems.
            (Some((low, _)), _) if is_rate => Some(Self::AtLeast(low)),
            (Some((_, high)), _) if is_time => Some(Self::AtMost(high)),
            (None, Some((_, high))) if is_rate => Some(Self::AtMost(high)),
            (None, Some((low, _))) if is_time => Some(Self::AtLeast(low)),
            (_, _) => None,
        }
    }

    /// The end that is known.
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }
}

/// Whether so few are missing that it says little which ones they are.
fn are_nearly_all(count: usize, of: usize) -> bool {
    10 * count >= 9 * of
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(low) => write!(f, "≥ {low:.3}"),
            Self::AtMost(high) => write!(f, "≤ {high:.3}"),
        }
    }
}

/// The bound, or else the words.
impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(Some(bound)) => bound.fmt(f),
            Self::Limited(None) | Self::Theirs(_) | Self::Unknown(_) => f.write_str(self.words()),
        }
    }
}

impl Unfit {
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Limited(_) => "generator-limited",
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
    fn of(report: &CompareReport, metric: Metric) -> Self {
        let is_incomplete = |side: fn(&Round) -> &VerdictKind| {
            report.rounds.iter().any(|round| *side(round) == VerdictKind::Incomplete)
        };
        let theirs = is_incomplete(|round| &round.a.verdict.kind);
        let ours = is_incomplete(|round| &round.b.verdict.kind);
        match report.verdict.kind {
            VerdictKind::GeneratorLimited if !ours => Self::Limited(Bound::new(report, metric)),
            // It was, of this metric only.
            VerdictKind::Valid => Self::Limited(Bound::new(report, metric)),
            VerdictKind::Incomplete if theirs && !ours => Self::Theirs("incomplete"),
            VerdictKind::GeneratorLimited | VerdictKind::Incomplete => {
                Self::Unknown("incomplete".to_owned())
            }
        }
    }
}

impl Finding {
    pub(crate) fn new(outcome: &Outcome, name: &str) -> Self {
        match outcome {
            Outcome::Compared(report) => Self::of_report(report, name),
            Outcome::Idle(idle) => Self::of_idle(idle, name),
            Outcome::Failed(failure) => {
                Self { unfit: Some(Unfit::failed(failure)), ..Self::default() }
            }
        }
    }

    /// Times and rates count in the rounds that `loadtest` lets count; a rate of which it is known in more
    /// than a tenth of them that the load tester may have limited it, in none. In rounds that its load
    /// tester could not drive faster, what a server costs counts too, and in a closed loop times that end
    /// when the system received. In an open one they begin when a message was due: its lateness is in them.
    fn of_report(report: &CompareReport, name: &str) -> Self {
        let Ok(metric) = name.parse::<Metric>() else {
            return Self::unknown("this loadtest does not measure it");
        };
        let is_by_the_system = report.load.kernel_timestamps && report.load.rate.is_none();
        let counts = |round: &&Round| match is_by_the_system && metric::is_of_messages(name) {
            _ if metric::is_cost(name) => is_complete(round),
            true => is_complete(round) && has_stamps(round),
            false => round.used,
        };
        let fit: Vec<&Round> = report.rounds.iter().filter(counts).collect();
        let needed = (report.rounds_asked as usize).min(MIN_PAIRS);
        let is_free = |round: &Round| !sides(round).into_iter().any(|side| metric.is_limited(side));
        let free = fit.iter().filter(|round| is_free(round)).count();
        if fit.len() >= needed && are_nearly_all(free, fit.len()) {
            return Self::of_rounds(&fit, metric, report.load.seed);
        }
        let all: Vec<&Round> = report.rounds.iter().collect();
        Self {
            estimate: None,
            rounds: fit.len(),
            unfit: Some(Unfit::of(report, metric)),
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
    pub(crate) fn of_pairs(pairs: &[(f64, f64)], seed: u64) -> Self {
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

fn sides(round: &Round) -> [&Figures; 2] {
    [&round.a, &round.b]
}

/// Whether the system said of nearly all messages when it received them.
fn has_stamps(round: &Round) -> bool {
    let has = |side: &Figures| side.without_stamp.is_some_and(|count| count <= side.messages / 100);
    sides(round).into_iter().all(has)
}

/// Whether all that was asked for was sent, and came back.
fn is_complete(round: &Round) -> bool {
    sides(round).into_iter().all(|side| side.verdict.kind != VerdictKind::Incomplete)
}

#[cfg(test)]
mod tests {
    use echo_loadtest::compare::CompareReport;

    use super::*;
    use crate::results::sample;

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
        assert_eq!(time.unfit, Some(Unfit::Limited(None)));
        assert!(time.estimate.is_none() && time.ours.is_some() && time.rounds == 0);
        assert_eq!((time.our_rounds.len(), time.our_limited_rounds.len()), (1, 9));
    }

    #[test]
    fn times_that_end_by_the_systems_clock_depend_on_the_generator_only_in_an_open_loop() {
        let mut report = sample::report(10, VerdictKind::GeneratorLimited);
        report.load.kernel_timestamps = true;
        report.load.rate = Some(40_000.0);
        let outcome = Outcome::Compared(Box::new(report.clone()));
        assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited(None)));
        report.load.rate = None;
        let outcome = Outcome::Compared(Box::new(report.clone()));
        assert_eq!(
            Finding::new(&outcome, "p99").unfit,
            Some(Unfit::Limited(None)),
            "nobody counted"
        );
        for side in report.rounds.iter_mut().flat_map(|round| [&mut round.a, &mut round.b]) {
            side.without_stamp = Some(0);
        }
        let outcome = Outcome::Compared(Box::new(report.clone()));
        let time = Finding::new(&outcome, "p99");
        assert!(time.estimate.is_some() && time.unfit.is_none() && time.rounds == 10);
        assert_eq!(Finding::new(&outcome, "throughput").unfit, Some(Unfit::Limited(None)));
        for round in &mut report.rounds {
            round.b.without_stamp = Some(round.b.messages);
        }
        let outcome = Outcome::Compared(Box::new(report));
        assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited(None)));
    }

    /// What is known of a metric when the load tester was the limit beside these sides in each round; of
    /// p99 in an open loop.
    fn limited(name: &str, is_limited: impl Fn(usize) -> (bool, bool)) -> Option<Unfit> {
        let mut report = sample::report(10, VerdictKind::GeneratorLimited);
        report.load.rate = (name == "p99").then_some(40_000.0);
        for (index, round) in report.rounds.iter_mut().enumerate() {
            let kind = |is_limited| match is_limited {
                true => VerdictKind::GeneratorLimited,
                false => VerdictKind::Valid,
            };
            let (theirs, ours) = is_limited(index);
            (round.a.verdict.kind, round.b.verdict.kind) = (kind(theirs), kind(ours));
        }
        let finding = Finding::new(&Outcome::Compared(Box::new(report)), name);
        assert_eq!(finding.estimate, None);
        finding.unfit
    }

    #[test]
    fn beside_one_side_that_was_free_a_ratio_has_a_bound() {
        let valid = Outcome::Compared(Box::new(sample::report(10, VerdictKind::Valid)));
        for (name, is_limited, is_least) in [
            ("throughput", (false, true), true),
            ("throughput", (true, false), false),
            ("p99", (false, true), false),
            ("p99", (true, false), true),
        ] {
            let (low, high) = Finding::new(&valid, name).estimate.unwrap().interval.unwrap();
            let expected = if is_least { Bound::AtLeast(low) } else { Bound::AtMost(high) };
            let unfit = Some(Unfit::Limited(Some(expected)));
            assert_eq!(limited(name, |_| is_limited), unfit, "{name} {is_limited:?}");
        }
        let but_for = |count| move |index: usize| (index < count, true);
        let known = limited("throughput", but_for(1));
        assert!(matches!(known, Some(Unfit::Limited(Some(Bound::AtLeast(_))))), "{known:?}");
        let unknown = Some(Unfit::Limited(None));
        assert_eq!(limited("throughput", but_for(2)), unknown, "who knows which");
        assert_eq!(limited("p99", but_for(10)), unknown);
    }

    /// In the first their load tester was fast enough in all rounds, ours in none.
    #[test]
    fn times_of_a_closed_loop_and_of_connects_have_no_bound() {
        for (name, rate) in [("p99", None), ("connect-p99", Some(3_000.0))] {
            let mut report = sample::report(10, VerdictKind::GeneratorLimited);
            report.load.rate = rate;
            for round in &mut report.rounds {
                round.a.verdict.kind = VerdictKind::Valid;
            }
            let finding = Finding::new(&Outcome::Compared(Box::new(report)), name);
            assert_eq!(finding.unfit, Some(Unfit::Limited(None)), "{name}");
        }
    }

    #[test]
    fn rounds_that_are_incomplete_or_have_errors_make_no_bound() {
        let mut report = sample::report(10, VerdictKind::GeneratorLimited);
        report.load.rate = None;
        for round in &mut report.rounds {
            round.a.verdict.kind = VerdictKind::Valid;
        }
        let unfit = |report: &CompareReport| {
            Finding::new(&Outcome::Compared(Box::new(report.clone())), "throughput").unfit
        };
        assert!(matches!(unfit(&report), Some(Unfit::Limited(Some(_)))));
        for round in &mut report.rounds[..2] {
            round.b.errors = 1;
        }
        assert_eq!(unfit(&report), Some(Unfit::Limited(None)));
        report.rounds[0].b.verdict.kind = VerdictKind::Incomplete;
        assert_eq!(unfit(&report), Some(Unfit::Unknown("incomplete".to_owned())));
    }

    #[test]
    fn a_flood_whose_thread_was_always_busy_is_the_load_testers() {
        let mut report = sample::report(10, VerdictKind::Valid);
        for side in report.rounds.iter_mut().flat_map(|round| [&mut round.a, &mut round.b]) {
            (side.flood_bytes_per_s, side.flood_busy) = (Some(1e9), Some(0.9));
        }
        let mut find = |busy_in: usize| {
            for round in &mut report.rounds[..busy_in] {
                round.b.flood_busy = Some(0.96);
            }
            let outcome = Outcome::Compared(Box::new(report.clone()));
            assert!(Finding::new(&outcome, "p99").estimate.is_some());
            Finding::new(&outcome, "flood-throughput")
        };
        for busy_in in [0, 1] {
            let finding = find(busy_in);
            assert!(finding.estimate.is_some() && finding.rounds == 10, "{finding:?}");
        }
        let finding = find(2);
        let bound = Some(Bound::AtLeast(1.0));
        assert_eq!((finding.estimate, finding.unfit), (None, Some(Unfit::Limited(bound))));
        assert_eq!(find(10).unfit, Some(Unfit::Limited(bound)));
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
