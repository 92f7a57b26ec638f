//! What the rounds say about a metric, in figures and in a sentence. Knows no metric by its name.

use super::metric::Metric;
use super::report::{Comparison, Difference, Interval};
use super::round::Round;
use crate::statistics::{Estimate, MIN_PAIRS, geometric_mean};

impl Comparison {
    /// Returns what the rounds that count say about a metric. If one of them lacks the figure, nothing
    /// is known, because the others are no random choice.
    pub(super) fn new(metric: Metric, rounds: &[Round], seed: u64) -> Self {
        let used: Vec<&Round> = rounds.iter().filter(|round| round.used).collect();
        let pairs: Vec<(f64, f64)> = used
            .iter()
            .filter_map(|round| Some((metric.of(&round.a)?, metric.of(&round.b)?)))
            .collect();
        let count = u32::try_from(used.len()).unwrap_or(u32::MAX);
        if pairs.len() < used.len() || pairs.is_empty() {
            return Self::unknown(metric, count, used.len() - pairs.len());
        }
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
        match Estimate::new(&ratios, seed) {
            Some(estimate) => {
                let mut comparison = Self::estimated(metric, count, estimate);
                comparison.conclusion.push_str(&limited(metric, &used));
                let (a, b) = (geometric_mean(&a), geometric_mean(&b));
                Self { a: Some(a), b: Some(b), ..comparison }
            }
            None => Self::unknown(metric, count, used.len()),
        }
    }

    fn estimated(metric: Metric, rounds: u32, estimate: Estimate) -> Self {
        let difference = match estimate.is_significant() {
            false => Difference::NotShown,
            true if estimate.ratio < 1.0 => Difference::Lower,
            true => Difference::Higher,
        };
        Self {
            metric,
            rounds,
            a: None,
            b: None,
            ratio: Some(estimate.ratio),
            interval: estimate.interval.map(|(low, high)| Interval { low, high }),
            p_value: Some(estimate.p_value),
            difference,
            conclusion: conclusion(metric, rounds, estimate, difference),
        }
    }

    fn unknown(metric: Metric, rounds: u32, lacking: usize) -> Self {
        let why = match rounds {
            0 => "no round counts".to_owned(),
            rounds => format!("it was zero or not measured in {lacking} of {rounds} rounds"),
        };
        Self {
            metric,
            rounds,
            a: None,
            b: None,
            ratio: None,
            interval: None,
            p_value: None,
            difference: Difference::Unknown,
            conclusion: format!("nothing is known {}: {why}", metric.place()),
        }
    }
}

/// Says in how many rounds the figures may be the load tester's own.
fn limited(metric: Metric, rounds: &[&Round]) -> String {
    let is_limited = |round: &Round| metric.is_limited(&round.a) || metric.is_limited(&round.b);
    match (rounds.iter().filter(|round| is_limited(round)).count(), rounds.len()) {
        (0, _) => String::new(),
        (count, all) => {
            format!("; the load tester may have been the limit in {count} of {all} rounds")
        }
    }
}

fn conclusion(metric: Metric, rounds: u32, estimate: Estimate, difference: Difference) -> String {
    let p_value = show_p_value(estimate.p_value);
    let percent = digits((estimate.ratio - 1.0).abs() * 100.0);
    let change = |ratio: f64| (ratio - 1.0) * 100.0;
    match (difference, estimate.interval) {
        (Difference::Lower, Some((low, high))) => format!(
            "{} [{} .. {}], {p_value}",
            metric.lower(&percent),
            digits(-change(high)),
            digits(-change(low)),
        ),
        (Difference::Higher, Some((low, high))) => format!(
            "{} [{} .. {}], {p_value}",
            metric.higher(&percent),
            digits(change(low)),
            digits(change(high)),
        ),
        _ if (rounds as usize) < MIN_PAIRS => {
            format!("no difference shown {}: it takes at least {MIN_PAIRS} rounds", metric.place())
        }
        (Difference::NotShown | Difference::Unknown, Some((low, high))) => format!(
            "no difference shown {} [{} .. {} %], {p_value}",
            metric.place(),
            signed(change(low)),
            signed(change(high)),
        ),
        (_, None) => format!("no difference shown {}, {p_value}", metric.place()),
    }
}

/// Formats a percentage with one digit after the point, with two if it is small, or none if it is great.
fn digits(percent: f64) -> String {
    match percent.abs() {
        small if small < 0.1 => format!("{percent:.2}"),
        great if great >= 100.0 => format!("{percent:.0}"),
        _ => format!("{percent:.1}"),
    }
}

fn signed(percent: f64) -> String {
    let sign = if percent > 0.0 { "+" } else { "" };
    format!("{sign}{}", digits(percent))
}

/// Formats a p-value as `p=0.004`, and never as 0.
pub(crate) fn show_p_value(p_value: f64) -> String {
    match p_value {
        small if small < 0.001 => "p<0.001".to_owned(),
        small if small < 0.1 => format!("p={small:.3}"),
        great => format!("p={great:.2}"),
    }
}
