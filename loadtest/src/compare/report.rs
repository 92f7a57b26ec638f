//! The report of a comparison, which `--json` writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::round::Round;
use crate::report::run_report::{Load, Machine, Verdict};

/// The value of [`CompareReport::format`]. It changes if readers must change.
pub const FORMAT: &str = "echo-loadtest/compare/1";

/// The report of a comparison of two servers under the same load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareReport {
    /// The format of this document, always `echo-loadtest/compare/1`.
    pub format: String,
    /// The program that wrote this document, with its version.
    pub program: String,
    /// The whole command line.
    pub command: Vec<String>,
    /// The machine that the load tester ran on.
    pub machine: Machine,
    /// The reference: an address or a command line.
    pub a: String,
    /// The server that is compared with the reference.
    pub b: String,
    /// The requested load of each run. The seed differs from round to round.
    pub load: Load,
    /// When the measurement of the first run began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// When the last run ended.
    pub ended_at: String,
    /// Requested number of rounds that count.
    pub rounds_asked: u32,
    /// VALID if `rounds_asked` rounds count.
    pub verdict: Verdict,
    /// Whether a signal stopped the comparison early.
    pub interrupted: bool,
    /// All measured rounds, in order.
    pub rounds: Vec<Round>,
    /// The results for each metric.
    pub metrics: Vec<Comparison>,
    /// The conditions under which the comparison fails, and whether they hold.
    pub conditions: Vec<Condition>,
}

impl CompareReport {
    /// Returns the number of errors in all runs.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.rounds.iter().map(|round| round.a.errors + round.b.errors).sum()
    }

    /// Whether one of the conditions holds under which the comparison fails.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.conditions.iter().any(|condition| condition.broken)
    }
}

/// The result of all rounds that count, for one metric.
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
    /// The geometric mean of b/a. `None` if a round lacks the figure.
    pub ratio: Option<f64>,
    /// Bounds that contain the true ratio in 95 of 100 cases. `None` if there are too few rounds.
    pub interval: Option<Interval>,
    /// How often chance alone would show a difference of at least this size.
    pub p_value: Option<f64>,
    /// The difference that the rounds show.
    pub difference: Difference,
    /// The result in words.
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

/// The difference that a comparison shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Unknown, because too few rounds have the figure.
    Unknown,
    /// The rounds show no difference.
    NotShown,
    /// The figure of b is lower.
    Lower,
    /// The figure of b is higher.
    Higher,
}

/// A condition under which a comparison fails, and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The condition as the user gave it, such as `p99>1.05`.
    pub text: String,
    /// The measured figure in words.
    pub measured: String,
    /// Whether there were enough rounds to judge the condition.
    pub judged: bool,
    /// Whether the comparison fails because of this condition: the rounds show a difference, and the
    /// ratio is beyond the limit.
    pub broken: bool,
}
