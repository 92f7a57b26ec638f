//! The report of a comparison: the document that `--json` writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::round::Round;
use crate::report::run_report::{Load, Machine, Verdict};

/// The value of [`CompareReport::format`]. It changes when programs that read the document have to.
pub const FORMAT: &str = "echo-loadtest/compare/1";

/// Two servers under the same load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareReport {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote this, with its version.
    pub program: String,
    /// Its whole command line.
    pub command: Vec<String>,
    /// The machine on which it ran.
    pub machine: Machine,
    /// The server that is the reference: an address or a command line.
    pub a: String,
    /// The server that is compared with it.
    pub b: String,
    /// The load of each run. Its seed differs from round to round.
    pub load: Load,
    /// When the first run began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// When the last run ended.
    pub ended_at: String,
    /// Number of rounds that were asked for.
    pub rounds_asked: u32,
    /// Whether this number of rounds counts.
    pub verdict: Verdict,
    /// Whether a signal stopped the comparison.
    pub interrupted: bool,
    /// All rounds that were measured, in order.
    pub rounds: Vec<Round>,
    /// What the rounds say about each metric.
    pub metrics: Vec<Comparison>,
    /// The conditions under which the comparison fails, and whether they hold.
    pub conditions: Vec<Condition>,
}

impl CompareReport {
    /// Returns the number of errors in all runs of the rounds.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.rounds.iter().map(|round| round.a.errors + round.b.errors).sum()
    }

    /// Returns whether a condition holds under which the comparison fails.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.conditions.iter().any(|condition| condition.broken)
    }
}

/// What all rounds that count say about a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The metric.
    pub metric: Metric,
    /// Number of rounds that count.
    pub rounds: u32,
    /// The geometric mean of the figures of a.
    pub a: Option<f64>,
    /// The geometric mean of the figures of b.
    pub b: Option<f64>,
    /// The geometric mean of b/a; none if a round lacks the figure.
    pub ratio: Option<f64>,
    /// Bounds that contain the true ratio in 95 of 100 cases; none if there are too few rounds.
    pub interval: Option<Interval>,
    /// How often chance alone would show a difference as great.
    pub p_value: Option<f64>,
    /// The difference that the rounds show.
    pub difference: Difference,
    /// The same in words.
    pub conclusion: String,
}

/// Bounds of a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// What a comparison shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Nothing is known, because too few rounds have the figure.
    Unknown,
    /// No difference is shown.
    NotShown,
    /// The figure of b is lower.
    Lower,
    /// The figure of b is higher.
    Higher,
}

/// A condition under which a comparison fails, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The condition as it was given, such as `p99>1.05`.
    pub text: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether there were enough rounds to judge it.
    pub judged: bool,
    /// Whether it holds: a difference is shown, and the ratio is beyond the limit.
    pub broken: bool,
}
