//! What the rounds of a comparison say about one metric. The statistics are those of `loadtest compare`,
//! calculated again from its rounds.

use std::fmt;

use echo_loadtest::compare::{CompareReport, Figures, Metric, Round, Side};
use echo_loadtest::run_report::VerdictKind;
use echo_loadtest::statistics::{Estimate, MIN_PAIRS};

use super::figure::Figure;
use super::metric;
use super::outcome::{Failure, Idle, Outcome};

/// The name of our own server in the place of a peer. It shows how much chance makes two equal servers
/// differ.
pub(crate) const ITSELF: &str = "itself";

/// A finding with the name of the peer.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) peer: String,
    pub(crate) finding: Finding,
    /// Whether other processes kept the machine busy during the comparison.
    pub(crate) is_disturbed: bool,
}

impl Named {
    /// Returns whether the peer is another server than ours.
    pub(crate) fn is_peer(&self) -> bool {
        self.peer != ITSELF
    }

    /// Returns whether the peer is another server and the finding has a ratio.
    pub(crate) fn is_ranked(&self) -> bool {
        self.is_peer() && self.finding.estimate.is_some()
    }
}

/// What is known about one metric of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Finding {
    pub(crate) theirs: Option<Figure>,
    pub(crate) ours: Option<Figure>,
    /// The ratio ours/theirs with its interval. `None` if a figure is zero.
    pub(crate) estimate: Option<Estimate>,
    /// Our figure in each round in which the load tester was not the limit beside our server.
    pub(crate) our_rounds: Vec<f64>,
    /// Our figure in each round in which the load tester may have been the limit. Empty if the finding
    /// is fit to be ranked.
    pub(crate) our_limited_rounds: Vec<f64>,
    /// Number of rounds that count.
    pub(crate) rounds: usize,
    /// Why the figures cannot be ranked. `None` if they can.
    pub(crate) unfit: Option<Unfit>,
}

/// A bound of the ratio. It is known when the load tester may have limited one of the two figures, and
/// did not limit the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Why figures cannot be ranked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unfit {
    /// The load tester may have been the limit. A bound of the ratio may be known nevertheless.
    Limited(Option<Bound>),
    /// The peer failed.
    Theirs(&'static str),
    /// Our server failed, or a figure was not measured.
    Unknown(String),
}

impl Bound {
    /// Returns the bound that the rounds give. There is one if, in nearly all rounds, the load tester
    /// was not the limit beside one of the sides. A limited rate is too low, and a limited time is too
    /// long. Times of a closed loop have no bound, because a slow load tester also asks less of the
    /// server.
    fn new(report: &CompareReport, metric: Metric) -> Option<Self> {
        let is_rate = metric::is_more_better(metric.name());
        let is_time = metric::is_of_messages(metric.name()) && report.load.rate.is_some();
        // The thread that drives the flood decides about the flood, not the threads beside it.
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
            // Our true figure may be better than the measured one.
            (Some((low, _)), _) if is_rate => Some(Self::AtLeast(low)),
            (Some((_, high)), _) if is_time => Some(Self::AtMost(high)),
            (None, Some((_, high))) if is_rate => Some(Self::AtMost(high)),
            (None, Some((low, _))) if is_time => Some(Self::AtLeast(low)),
            (_, _) => None,
        }
    }

    /// Returns the value of the bound.
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }
}

/// Returns whether at least nine tenths are there, so that the missing ones hardly matter.
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

/// Shows the bound if there is one, otherwise the reason.
impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(Some(bound)) => bound.fmt(f),
            Self::Limited(None) | Self::Theirs(_) | Self::Unknown(_) => f.write_str(self.words()),
        }
    }
}

impl Unfit {
    /// Returns the reason in a few words.
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

    /// Returns the reason why too few rounds of a report count.
    fn of(report: &CompareReport, metric: Metric) -> Self {
        let is_incomplete = |side: fn(&Round) -> &VerdictKind| {
            report.rounds.iter().any(|round| *side(round) == VerdictKind::Incomplete)
        };
        let theirs = is_incomplete(|round| &round.a.verdict.kind);
        let ours = is_incomplete(|round| &round.b.verdict.kind);
        match report.verdict.kind {
            VerdictKind::GeneratorLimited if !ours => Self::Limited(Bound::new(report, metric)),
            // The report is valid, so the load tester limited this metric only.
            VerdictKind::Valid => Self::Limited(Bound::new(report, metric)),
            VerdictKind::Incomplete if theirs && !ours => Self::Theirs("incomplete"),
            VerdictKind::GeneratorLimited | VerdictKind::Incomplete => {
                Self::Unknown("incomplete".to_owned())
            }
        }
    }
}

impl Finding {
    /// Returns what an outcome says about the metric `name`.
    pub(crate) fn new(outcome: &Outcome, name: &str) -> Self {
        match outcome {
            Outcome::Compared(report) => Self::of_report(report, name),
            Outcome::Idle(idle) => Self::of_idle(idle, name),
            Outcome::Failed(failure) => {
                Self { unfit: Some(Unfit::failed(failure)), ..Self::default() }
            }
        }
    }

    /// Times and rates count in the rounds that `loadtest compare` counts. If the load tester may have
    /// limited a metric in more than a tenth of these rounds, the metric counts in none.
    ///
    /// Costs of a server also count when the load tester was the limit. So do times of a closed loop
    /// that end with the kernel's timestamp. Times of an open loop do not, because they begin when a
    /// message was due and so include the lateness of the load tester.
    fn of_report(report: &CompareReport, name: &str) -> Self {
        let Ok(metric) = name.parse::<Metric>() else {
            return Self::unknown("this loadtest does not measure it");
        };
        let has_kernel_times = report.load.kernel_timestamps && report.load.rate.is_none();
        let counts = |round: &&Round| match has_kernel_times && metric::is_of_messages(name) {
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
            // The rounds that are left are not a random choice, so no ratio is given.
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

    /// Returns the finding of pairs of figures (theirs, ours), one pair per round.
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

/// Returns our figures of the complete rounds without errors in which our side has the verdict `kind`.
/// The verdict of the peer's side does not matter.
fn ours(rounds: &[&Round], metric: Metric, kind: &VerdictKind) -> Vec<f64> {
    let sound = rounds.iter().filter(|round| is_complete(round) && round.b.errors == 0);
    let alike = sound.filter(|round| round.b.verdict.kind == *kind);
    alike.filter_map(|round| metric.of(&round.b)).collect()
}

fn sides(round: &Round) -> [&Figures; 2] {
    [&round.a, &round.b]
}

/// Returns whether nearly all messages have a kernel timestamp.
fn has_stamps(round: &Round) -> bool {
    let has = |side: &Figures| side.without_stamp.is_some_and(|count| count <= side.messages / 100);
    sides(round).into_iter().all(has)
}

/// Returns whether every message of the round was sent and came back.
fn is_complete(round: &Round) -> bool {
    sides(round).into_iter().all(|side| side.verdict.kind != VerdictKind::Incomplete)
}

#[cfg(test)]
mod tests;
