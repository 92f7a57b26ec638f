//! The metrics of a comparison. Each metric is a row of a table with its name and the way it is shown.
//! Does not depend on statistics or rounds.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::round::Figures;
use crate::formatting;
use crate::report::run_report::Load;
use crate::report::verdict::MAX_BUSY;

/// A figure that is compared between the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Messages per second.
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
    /// CPU time of the server per message.
    Cpu,
    /// Growth of the server's resident memory per connection.
    Memory,
    /// Bytes of the flood per second.
    FloodThroughput,
}

/// The description of a metric.
struct Row {
    metric: Metric,
    /// The name on the command line and in the document.
    name: &'static str,
    /// The name in tables.
    title: &'static str,
    show: fn(f64) -> String,
    /// Returns its value in a run, if it was measured.
    of: fn(&Figures) -> Option<f64>,
    words: &'static Words,
}

/// The words of the sentence about a difference, such as `b is 2 % slower at p99`.
struct Words {
    /// The word before the title if there is no difference.
    preposition: &'static str,
    /// The verb before the percentage.
    verb: &'static str,
    /// The words after the percentage if the figure of b is lower.
    lower: &'static str,
    /// The words after the percentage if the figure of b is higher.
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
    /// Returns all metrics.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.metric)
    }

    /// Whether runs with this load have the metric.
    pub(super) fn is_of(self, load: &Load) -> bool {
        self != Self::FloodThroughput || load.flood.is_some()
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Returns its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns its name in tables.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Formats a value with its unit.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        (self.row().show)(value)
    }

    /// Returns its value in a run, if it was measured and is a positive number.
    #[must_use]
    pub fn of(self, run: &Figures) -> Option<f64> {
        (self.row().of)(run).filter(|value| value.is_finite() && *value > 0.0)
    }

    /// Whether the load tester may limit the metric in a run. The run's verdict does not cover this: the
    /// throughput of a flood depends on its thread. If it is unknown how busy that thread was, it may.
    #[must_use]
    pub fn is_limited(self, run: &Figures) -> bool {
        self == Self::FloodThroughput && run.flood_busy.is_none_or(|busy| busy > MAX_BUSY)
    }

    /// Returns the words for a sentence without a difference, such as `at p99`.
    pub(super) fn place(self) -> String {
        format!("{} {}", self.row().words.preposition, self.title())
    }

    /// Returns the sentence that the figure of b is lower by `percent`, such as `b is 2 % faster at
    /// p99`.
    pub(super) fn lower(self, percent: &str) -> String {
        let words = self.row().words;
        format!("b {} {percent} % {} {}", words.verb, words.lower, self.title())
    }

    /// Returns the sentence that the figure of b is higher by `percent`, such as `b is 2 % slower at
    /// p99`.
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
            format!("no metric is called {text:?}: expected one of {names}")
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
