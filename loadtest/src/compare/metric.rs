//! What is compared: a row for each metric, that says how it is called and shown. Knows neither
//! statistics nor rounds.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::round::Figures;
use crate::formatting;
use crate::report::run_report::Load;
use crate::report::verdict::MAX_BUSY;

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
    /// The time that 999 of 1,000 messages did not exceed.
    #[serde(rename = "p99.9")]
    P999,
    /// The time of the slowest message.
    Max,
    /// The time that 99 of 100 connects did not exceed.
    ConnectP99,
    /// The time of the slowest connect.
    ConnectMax,
    /// CPU time of the server for each message.
    Cpu,
    /// Resident memory of the server for each connection.
    Memory,
    /// Bytes of the flood a second.
    FloodThroughput,
}

/// What there is to say of a metric.
struct Row {
    metric: Metric,
    /// On the command line and in the document.
    name: &'static str,
    /// For people.
    title: &'static str,
    show: fn(f64) -> String,
    /// Its value in a run, if it was measured.
    of: fn(&Figures) -> Option<f64>,
    words: &'static Words,
}

/// How it is told where a metric differs.
struct Words {
    /// Before its title.
    preposition: &'static str,
    /// What b does, before the percentage.
    verb: &'static str,
    /// What b has, or is, when the figure is lower: after the percentage, before the title.
    lower: &'static str,
    /// The same when it is higher.
    higher: &'static str,
}

/// b is 2 % slower at p99.
const TIME: Words =
    Words { preposition: "at", verb: "is", lower: "faster at", higher: "slower at" };
/// b has 2 % more throughput.
const YIELD: Words = Words { preposition: "in", verb: "has", lower: "less", higher: "more" };
/// b takes 2 % more CPU per message.
const COST: Words = Words { preposition: "in", verb: "takes", lower: "less", higher: "more" };

/// All metrics, in the order of their numbers.
#[allow(clippy::cast_precision_loss)] // Below 2^53.
static ROWS: [Row; 10] = [
    Row {
        metric: Metric::Throughput,
        name: "throughput",
        title: "throughput",
        show: formatting::per_second,
        of: |run| Some(run.messages_per_s),
        words: &YIELD,
    },
    Row {
        metric: Metric::P50,
        name: "p50",
        title: "p50",
        show: formatting::time,
        of: |run| Some(run.p50_ns as f64),
        words: &TIME,
    },
    Row {
        metric: Metric::P99,
        name: "p99",
        title: "p99",
        show: formatting::time,
        of: |run| Some(run.p99_ns as f64),
        words: &TIME,
    },
    Row {
        metric: Metric::P999,
        name: "p99.9",
        title: "p99.9",
        show: formatting::time,
        of: |run| Some(run.p99_9_ns as f64),
        words: &TIME,
    },
    Row {
        metric: Metric::Max,
        name: "max",
        title: "max",
        show: formatting::time,
        of: |run| Some(run.max_ns as f64),
        words: &TIME,
    },
    Row {
        metric: Metric::ConnectP99,
        name: "connect-p99",
        title: "connect p99",
        show: formatting::time,
        of: |run| Some(run.connect_p99_ns as f64),
        words: &TIME,
    },
    Row {
        metric: Metric::ConnectMax,
        name: "connect-max",
        title: "connect max",
        show: formatting::time,
        of: |run| Some(run.connect_max_ns as f64),
        words: &TIME,
    },
    Row {
        metric: Metric::Cpu,
        name: "cpu",
        title: "CPU per message",
        show: formatting::time,
        of: |run| run.cpu_per_message_ns,
        words: &COST,
    },
    Row {
        metric: Metric::Memory,
        name: "memory",
        title: "memory per connection",
        show: formatting::bytes,
        of: |run| run.memory_per_connection_bytes,
        words: &COST,
    },
    Row {
        metric: Metric::FloodThroughput,
        name: "flood-throughput",
        title: "throughput of the flood",
        show: formatting::bytes_per_second,
        of: |run| run.flood_bytes_per_s,
        words: &YIELD,
    },
];

impl Metric {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.metric)
    }

    /// Whether runs with this load could have it.
    pub(super) fn is_of(self, load: &Load) -> bool {
        self != Self::FloodThroughput || load.flood.is_some()
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// As it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// As it is called in a table.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// A value of it, with its unit.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        (self.row().show)(value)
    }

    /// Its value in a run, if it was measured and a ratio can be made of it.
    #[must_use]
    pub fn of(self, run: &Figures) -> Option<f64> {
        (self.row().of)(run).filter(|value| value.is_finite() && *value > 0.0)
    }

    /// Whether the load tester may be what limits it in a run, although the run's verdict is not about
    /// that: how much is sent depends on the thread of a flood. Where it is not known how busy that was,
    /// it may.
    #[must_use]
    pub fn is_limited(self, run: &Figures) -> bool {
        self == Self::FloodThroughput && run.flood_busy.is_none_or(|busy| busy > MAX_BUSY)
    }

    /// Where there is no difference: `at p99`.
    pub(super) fn place(self) -> String {
        format!("{} {}", self.row().words.preposition, self.title())
    }

    /// That it is lower for b, by `percent`: `b is 2 % faster at p99`.
    pub(super) fn lower(self, percent: &str) -> String {
        let words = self.row().words;
        format!("b {} {percent} % {} {}", words.verb, words.lower, self.title())
    }

    /// That it is higher for b, by `percent`: `b is 2 % slower at p99`.
    pub(super) fn higher(self, percent: &str) -> String {
        let words = self.row().words;
        format!("b {} {percent} % {} {}", words.verb, words.higher, self.title())
    }
}

impl FromStr for Metric {
    type Err = String;

    /// # Errors
    /// A sentence for the user that lists the names.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|metric| metric.name() == text).ok_or_else(|| {
            let names = Self::all().map(Self::name).collect::<Vec<_>>().join(", ");
            format!("nothing called {text:?} is compared: expected one of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_row_of_its_number_and_one_name_everywhere() {
        for (row, number) in ROWS.iter().zip(0..) {
            assert_eq!(row.metric as usize, number, "{}", row.name);
            assert_eq!(row.name.parse(), Ok(row.metric));
            assert_eq!(serde_json::to_value(row.metric).expect("a name"), row.name);
        }
    }
}
