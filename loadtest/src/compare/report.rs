//! What a comparison found: the document that `--json` writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::round::Round;
use crate::report::run_report::{Load, Machine, Verdict};

/// The value of [`CompareReport::format`]. It changes when a reader has to.
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
    /// Where it ran.
    pub machine: Machine,
    /// The one that is compared with: an address or a command line.
    pub a: String,
    /// The one that is compared.
    pub b: String,
    /// What each run was asked; its seed differs from round to round.
    pub load: Load,
    /// When the first run was measured, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// When the last one ended.
    pub ended_at: String,
    /// Rounds that were to count.
    pub rounds_asked: u32,
    /// Whether as many count.
    pub verdict: Verdict,
    /// Whether it was stopped by a signal before its time.
    pub interrupted: bool,
    /// All that were measured, in order.
    pub rounds: Vec<Round>,
    /// What they say.
    pub metrics: Vec<Comparison>,
    /// When it was to fail, and whether it does.
    pub conditions: Vec<Condition>,
}

impl CompareReport {
    /// Errors in all runs of the rounds.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.rounds.iter().map(|round| round.a.errors + round.b.errors).sum()
    }

    /// Whether a condition holds under which it was to fail.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.conditions.iter().any(|condition| condition.broken)
    }
}

/// What all rounds that count say about a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Of what.
    pub metric: Metric,
    /// How many rounds count.
    pub rounds: u32,
    /// The geometric mean of one side's figures.
    pub a: Option<f64>,
    /// The geometric mean of the other's.
    pub b: Option<f64>,
    /// The geometric mean of b/a; none when a round lacks the figure.
    pub ratio: Option<f64>,
    /// Where the true ratio is, in 95 of 100 cases; none when there are too few rounds.
    pub interval: Option<Interval>,
    /// How often chance alone would show a difference as great.
    pub p_value: Option<f64>,
    /// What is shown.
    pub difference: Difference,
    /// In words.
    pub conclusion: String,
}

/// Bounds of a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The lower.
    pub low: f64,
    /// The upper.
    pub high: f64,
}

/// What a comparison shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Nothing: too few rounds have the figure.
    Unknown,
    /// None.
    NotShown,
    /// The figure of b is lower.
    Lower,
    /// The figure of b is higher.
    Higher,
}

/// When a comparison is to fail, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// As it was given, such as `p99>1.05`.
    pub text: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether the rounds sufficed to judge it.
    pub judged: bool,
    /// Whether it holds: a difference is shown, and the ratio is beyond.
    pub broken: bool,
}
