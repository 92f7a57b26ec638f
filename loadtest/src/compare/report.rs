//! What a comparison found: the document that `--json` writes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bench::ServerUse;
use super::metric::Metric;
use crate::run_report::{Load, Machine, RunReport, Verdict, VerdictKind};

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

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The one that is compared with.
    A,
    /// The one that is compared.
    B,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// A run of each, one right after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// From 1.
    pub number: u32,
    /// From 1; more when the one before was not VALID.
    pub attempt: u32,
    /// Which of the two came first.
    pub first: Side,
    /// Whether it counts: both runs are VALID.
    pub used: bool,
    /// One run.
    pub a: Figures,
    /// The other.
    pub b: Figures,
}

impl Round {
    /// The verdicts because of which it does not count.
    pub(super) fn invalid(&self) -> impl Iterator<Item = &Verdict> {
        [&self.a.verdict, &self.b.verdict]
            .into_iter()
            .filter(|verdict| verdict.kind != VerdictKind::Valid)
    }
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Whether they can be trusted.
    pub verdict: Verdict,
    /// What went wrong, a connection's end each.
    pub errors: u64,
    /// Messages that came back in the measured time.
    pub messages: u64,
    /// The same, a second.
    pub messages_per_s: f64,
    /// Half of the messages did not take longer.
    pub p50_ns: u64,
    /// 99 of 100 did not take longer.
    pub p99_ns: u64,
    /// 999 of 1,000 did not take longer.
    pub p99_9_ns: u64,
    /// The slowest.
    pub max_ns: u64,
    /// 99 of 100 connects did not take longer; 0 when none counts. Which count:
    /// [`RunReport::connect_time`].
    pub connect_p99_ns: u64,
    /// The slowest connect; 0 when none counts.
    pub connect_max_ns: u64,
    /// CPU time of the server for each message; of a command on Linux, without a flood.
    pub cpu_per_message_ns: Option<f64>,
    /// What the server's resident memory grew by for each connection; of a command on Linux.
    pub memory_per_connection_bytes: Option<f64>,
    /// Bytes of the flood that came back, a second; if there was one.
    pub flood_bytes_per_s: Option<f64>,
    /// The part of the time in which the thread of the flood was busy; if there was one.
    #[serde(default)]
    pub flood_busy: Option<f64>,
    /// With [`Load::kernel_timestamps`]: messages whose times are the load tester's all the same, as in
    /// [`RunReport::generator`].
    #[serde(default)]
    pub without_stamp: Option<u64>,
}

impl Figures {
    /// The figures of a run.
    #[must_use]
    pub fn new(report: &RunReport, server: Option<ServerUse>) -> Self {
        let (latency, connect) = (report.latency(), &report.connect_time);
        Self {
            verdict: report.verdict.clone(),
            errors: report.errors.total(),
            messages: report.throughput.messages,
            messages_per_s: report.throughput.messages_per_s,
            p50_ns: latency.p50_ns,
            p99_ns: latency.p99_ns,
            p99_9_ns: latency.p99_9_ns,
            max_ns: latency.max_ns,
            connect_p99_ns: connect.p99_ns,
            connect_max_ns: connect.max_ns,
            cpu_per_message_ns: server.and_then(|server| server.cpu_per_message_ns),
            memory_per_connection_bytes: server
                .and_then(|server| server.memory_per_connection_bytes),
            flood_bytes_per_s: report.flood.map(|flood| flood.bytes_per_s),
            flood_busy: report.flood.and_then(|flood| flood.busy),
            without_stamp: report.generator.without_stamp,
        }
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
