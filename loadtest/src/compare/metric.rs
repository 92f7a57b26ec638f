//! What is compared, and what is said of it.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Comparison, Difference, Figures, Interval, Round};
use crate::human;
use crate::statistics::{Estimate, MIN_PAIRS, geometric_mean};

/// A figure that both sides have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Messages a second.
    Throughput,
    /// The time that half of the messages did not exceed.
    P50,
    /// The time that 99 of 100 messages did not exceed.
    P99,
    /// CPU time of the server for each message.
    Cpu,
    /// Resident memory of the server for each connection.
    Memory,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Throughput, Self::P50, Self::P99, Self::Cpu, Self::Memory];

    /// As it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// As it is called in a table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Cpu => "CPU per message",
            Self::Memory => "memory per connection",
        }
    }

    /// A value of it, with its unit.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Throughput => human::per_second(value),
            Self::P50 | Self::P99 | Self::Cpu => human::time(value),
            Self::Memory => human::bytes(value),
        }
    }

    /// Its value in a run, if it was measured and a ratio can be made of it.
    fn of(self, run: &Figures) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // Below 2^53.
        let value = match self {
            Self::Throughput => Some(run.messages_per_s),
            Self::P50 => Some(run.p50_ns as f64),
            Self::P99 => Some(run.p99_ns as f64),
            Self::Cpu => run.cpu_per_message_ns,
            Self::Memory => run.memory_per_connection_bytes,
        };
        value.filter(|value| value.is_finite() && *value > 0.0)
    }

    /// What the rounds that count say. Should one of them lack the figure, nothing: the others were
    /// not chosen by chance.
    pub(super) fn compare(self, rounds: &[Round], seed: u64) -> Comparison {
        let used: Vec<&Round> = rounds.iter().filter(|round| round.used).collect();
        let pairs: Vec<(f64, f64)> = used
            .iter()
            .filter_map(|round| Some((self.of(&round.a)?, self.of(&round.b)?)))
            .collect();
        let count = u32::try_from(used.len()).unwrap_or(u32::MAX);
        if pairs.len() < used.len() || pairs.is_empty() {
            return self.unknown(count, used.len() - pairs.len());
        }
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratios: Vec<f64> = pairs.iter().map(|(a, b)| b / a).collect();
        match Estimate::new(&ratios, seed) {
            Some(estimate) => Comparison {
                a: Some(geometric_mean(&a)),
                b: Some(geometric_mean(&b)),
                ..self.estimated(count, estimate)
            },
            None => self.unknown(count, used.len()),
        }
    }

    fn estimated(self, rounds: u32, estimate: Estimate) -> Comparison {
        let difference = match estimate.is_significant() {
            false => Difference::NotShown,
            true if estimate.ratio < 1.0 => Difference::Lower,
            true => Difference::Higher,
        };
        Comparison {
            metric: self,
            rounds,
            a: None,
            b: None,
            ratio: Some(estimate.ratio),
            interval: estimate.interval.map(|(low, high)| Interval { low, high }),
            p_value: Some(estimate.p_value),
            difference,
            conclusion: self.conclusion(rounds, estimate, difference),
        }
    }

    fn unknown(self, rounds: u32, lacking: usize) -> Comparison {
        let why = match rounds {
            0 => "no round counts".to_owned(),
            rounds => format!("it was zero or not measured in {lacking} of {rounds} rounds"),
        };
        Comparison {
            metric: self,
            rounds,
            a: None,
            b: None,
            ratio: None,
            interval: None,
            p_value: None,
            difference: Difference::Unknown,
            conclusion: format!("nothing is known {}: {why}", self.place()),
        }
    }

    fn conclusion(self, rounds: u32, estimate: Estimate, difference: Difference) -> String {
        let p_value = show_p_value(estimate.p_value);
        let percent = (estimate.ratio - 1.0).abs() * 100.0;
        let change = |ratio: f64| (ratio - 1.0) * 100.0;
        let (verb, comparative) = self.words(difference);
        match (difference, estimate.interval) {
            (Difference::Lower, Some((low, high))) => format!(
                "b {verb} {} % {comparative} [{} .. {}], {p_value}",
                digits(percent),
                digits(-change(high)),
                digits(-change(low)),
            ),
            (Difference::Higher, Some((low, high))) => format!(
                "b {verb} {} % {comparative} [{} .. {}], {p_value}",
                digits(percent),
                digits(change(low)),
                digits(change(high)),
            ),
            _ if (rounds as usize) < MIN_PAIRS => format!(
                "no difference shown {}: it takes at least {MIN_PAIRS} rounds",
                self.place()
            ),
            (Difference::NotShown | Difference::Unknown, Some((low, high))) => format!(
                "no difference shown {} [{} .. {} %], {p_value}",
                self.place(),
                signed(change(low)),
                signed(change(high)),
            ),
            (_, None) => format!("no difference shown {}, {p_value}", self.place()),
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Throughput => "in throughput",
            Self::P50 => "at p50",
            Self::P99 => "at p99",
            Self::Cpu => "in CPU per message",
            Self::Memory => "in memory per connection",
        }
    }

    /// What b does, and what it is or has; around the percentage.
    fn words(self, difference: Difference) -> (&'static str, &'static str) {
        let is_lower = difference == Difference::Lower;
        match self {
            Self::Throughput if is_lower => ("has", "less throughput"),
            Self::Throughput => ("has", "more throughput"),
            Self::P50 if is_lower => ("is", "faster at p50"),
            Self::P50 => ("is", "slower at p50"),
            Self::P99 if is_lower => ("is", "faster at p99"),
            Self::P99 => ("is", "slower at p99"),
            Self::Cpu if is_lower => ("takes", "less CPU per message"),
            Self::Cpu => ("takes", "more CPU per message"),
            Self::Memory if is_lower => ("takes", "less memory per connection"),
            Self::Memory => ("takes", "more memory per connection"),
        }
    }
}

impl FromStr for Metric {
    type Err = String;

    /// # Errors
    /// A sentence for the user that lists the names.
    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|metric| metric.name() == text);
        found.ok_or_else(|| format!("nothing called {text:?} is compared: expected one of {names}"))
    }
}

/// A percentage with one digit after the point; with two when it is small, with none when it is great.
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

/// `p=0.004`; it is never shown as 0.
pub(super) fn show_p_value(p_value: f64) -> String {
    match p_value {
        small if small < 0.001 => "p<0.001".to_owned(),
        small if small < 0.1 => format!("p={small:.3}"),
        great => format!("p={great:.2}"),
    }
}
