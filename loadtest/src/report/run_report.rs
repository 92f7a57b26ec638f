//! The report of a run: the load, the results, and whether the results can be trusted. `--json` writes
//! this document, and `report` and `merge` read it. Its schema is in `loadtest/schema`.

pub(crate) mod errors;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::distribution::{self, Distribution};

pub use errors::Errors;

/// The value of [`RunReport::format`]. It changes if readers must change.
pub const FORMAT: &str = "echo-loadtest/run/1";

/// The report of one run, or of several runs that ran at the same time and were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// The format of this document, always `echo-loadtest/run/1`.
    pub format: String,
    /// The program that wrote this document, with its version.
    pub program: String,
    /// The whole command line. For merged runs, the command line of the first run.
    pub command: Vec<String>,
    /// The machine that the load tester ran on.
    pub machine: Machine,
    /// The server's address.
    pub target: String,
    /// Number of merged reports. 1 if the report is not merged.
    pub agents: u32,
    /// When the measurement began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// When the measurement ended.
    pub ended_at: String,
    /// The requested load.
    pub load: Load,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// Whether a signal stopped the run early.
    pub interrupted: bool,
    /// The connections.
    pub connections: Connections,
    /// The messages of the measurement.
    pub messages: Messages,
    /// The throughput.
    pub throughput: Throughput,
    /// The results of the flood, if there was one. Its messages are not part of the other figures.
    pub flood: Option<Flood>,
    /// In an open loop: the times from when a message was due to the last byte of its echo. Only
    /// messages of the measurement count.
    pub response_time: Option<Distribution>,
    /// The times from when a message was ready to be sent to the last byte of its echo. The operating
    /// system takes a message at once, unless the server does not read and all buffers are full. Only
    /// messages of the measurement count.
    pub service_time: Distribution,
    /// The times from the connect call to when the load tester saw the connection. If connections are
    /// kept, all of them count, including those made before the load began. If connections are replaced
    /// after some messages, only those count whose call was during the measurement. A failed connect has
    /// no time, because it is an error.
    pub connect_time: Distribution,
    /// The errors of the whole run, including those of the flood.
    pub errors: Errors,
    /// The first errors, each with its connection and time. Connections of the flood have the numbers
    /// from `load.connections` on.
    pub findings: Vec<Finding>,
    /// The load tester itself.
    pub generator: Generator,
    /// The measurement, divided into intervals.
    pub intervals: Vec<Interval>,
    /// The requested objectives, and whether they were met.
    pub objectives: Vec<Objective>,
}

impl RunReport {
    /// Returns the times that a user of the server sees: the response times in an open loop, otherwise
    /// the service times.
    #[must_use]
    pub fn latency(&self) -> &Distribution {
        self.response_time.as_ref().unwrap_or(&self.service_time)
    }

    /// Returns the messages per second that the generators of this report should have sent. Returns
    /// `None` in a closed loop, and if nothing was measured.
    #[must_use]
    pub fn rate_asked(&self) -> Option<f64> {
        let rate = self.load.rate?;
        let rate = match (self.load.count, self.messages.asked) {
            // A Poisson process does not have exactly as many messages as its rate says.
            (None, Some(asked)) => asked as f64 / self.throughput.duration_s,
            // The number of counted messages does not depend on the server's speed. The load is that of
            // all agents, so the rate is scaled to the agents of this report.
            _ => rate * self.connections.asked as f64 / self.load.connections as f64,
        };
        (rate.is_finite() && rate > 0.0).then_some(rate)
    }

    /// Returns the share of that rate that was achieved.
    #[must_use]
    pub fn rate_share(&self) -> Option<f64> {
        let asked_per_s = self.rate_asked()?;
        Some(match (self.load.count, self.messages.asked) {
            (None, Some(asked)) => self.throughput.messages as f64 / asked as f64,
            _ => self.throughput.messages_per_s / asked_per_s,
        })
    }
}

/// A machine and its system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The name and version of the operating system.
    pub system: String,
    /// The version of the kernel.
    pub kernel: String,
    /// The name of the processor.
    pub cpu: String,
    /// Number of logical CPUs that this process may use.
    pub cpus: usize,
    /// Main memory in bytes.
    pub memory_bytes: u64,
}

/// The requested load of all generators together. Only threads, seed, source addresses, busy polling and
/// the interval length may differ between generators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Number of connections at a time.
    pub connections: u64,
    /// Number of threads that drive the connections.
    pub threads: u64,
    /// Lengths of the messages, including the newline.
    pub size: Size,
    /// Maximum number of messages in flight on a connection.
    pub depth: u64,
    /// Number of messages that are sent together.
    pub send_burst: u64,
    /// The rule by which messages are sent.
    pub arrival: Arrival,
    /// Messages per second over all connections. Only in an open loop.
    pub rate: Option<f64>,
    /// New connections per second. Without it, all connections are made at once.
    pub connect_rate: Option<f64>,
    /// Number of messages after which a connection is replaced.
    pub messages_per_connection: Option<u64>,
    /// How long the measurement lasts. `None` if it lasts until `count` messages.
    pub duration_s: Option<f64>,
    /// Number of messages that are measured.
    pub count: Option<u64>,
    /// How long the load runs before the measurement begins.
    pub warmup_s: f64,
    /// How long a connect or a message may take.
    pub timeout_s: f64,
    /// Seed of the content and of all randomness.
    pub seed: u64,
    /// The local addresses, if the user chose them.
    pub source_ips: Vec<String>,
    /// Whether the threads poll without sleeping.
    pub busy_poll: bool,
    /// Whether the times of messages end when the kernel received them. Otherwise they end when the load
    /// tester had read them.
    #[serde(default)]
    pub kernel_timestamps: bool,
    /// The length of an interval of `intervals`. The last one may be shorter. The requested
    /// length is doubled until there are at most 1,000 intervals.
    pub interval_s: f64,
    /// The number of this generator among those that share the load, from 0.
    pub agent_index: u32,
    /// Number of generators that share the load.
    pub agent_count: u32,
    /// The flood beside the measured connections, if there is one.
    pub flood: Option<FloodLoad>,
}

/// Connections that keep the server busy all the time, beside the connections that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FloodLoad {
    /// Number of connections of all generators together.
    pub connections: u64,
    /// Length of their messages, including the newline.
    pub size: usize,
    /// Number of messages that are always in flight on each connection.
    pub depth: u64,
}

/// Lengths of messages in bytes, including the newline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The shortest length.
    pub min: usize,
    /// The longest length.
    pub max: usize,
    /// The file that the messages come from, if there is one.
    pub file: Option<String>,
}

/// The rule by which messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// A message is sent when an earlier one has come back.
    Closed,
    /// Messages are sent at a given rate with equal gaps.
    Constant,
    /// Messages are sent at a given rate with random gaps, which are exponentially distributed.
    Poisson,
}

/// Whether the figures describe the server under the requested load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The verdict in a word.
    pub kind: VerdictKind,
    /// The reasons, each as a sentence. Empty if the run is valid.
    pub reasons: Vec<String>,
}

/// A verdict in a word. The best one comes first. If the load tester was too slow, missing messages may be
/// its own fault, so this verdict takes precedence.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum VerdictKind {
    /// The figures describe the server and the network.
    Valid,
    /// There were fewer connections or messages than requested.
    Incomplete,
    /// The load tester or its machine was too slow. The figures may describe it and not the server.
    GeneratorLimited,
}

impl VerdictKind {
    /// Returns the word that is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::GeneratorLimited => "GENERATOR-LIMITED",
            Self::Incomplete => "INCOMPLETE",
        }
    }
}

/// Connections over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// Requested number of connections at a time.
    pub asked: u64,
    /// Number of these that were open at least once.
    pub established: u64,
    /// Number of all connections that were opened, including replacements.
    pub opened: u64,
    /// The share of the requested connections that was missing because they had failed and were not
    /// replaced; 0 to 1, as an average over the measurement.
    pub missing: f64,
}

/// Messages of the measurement: those that were due during it or, in a closed loop, sent during it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// Number of messages that were due, by the rate in an open loop, otherwise by `count`.
    pub asked: Option<u64>,
    /// Number of messages that were ready to be sent.
    pub sent: u64,
    /// Number of messages that came back with every byte right.
    pub verified: u64,
    /// Number of messages that were due and never sent, because earlier ones did not come back in time.
    pub unsent: u64,
}

/// The throughput of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throughput {
    /// How long the measurement lasted.
    pub duration_s: f64,
    /// Number of messages that came back in that time.
    pub messages: u64,
    /// Number of bytes that came back in that time.
    pub bytes: u64,
    /// Messages per second that came back.
    pub messages_per_s: f64,
    /// Bytes per second that came back. The same number was sent.
    pub bytes_per_s: f64,
}

impl Throughput {
    pub(crate) fn new(duration_s: f64, messages: u64, bytes: u64) -> Self {
        let (messages_per_s, bytes_per_s) =
            (per_second(messages, duration_s), per_second(bytes, duration_s));
        Self { duration_s, messages, bytes, messages_per_s, bytes_per_s }
    }
}

/// Returns how often something happened per second, or 0 if nothing was measured.
pub(crate) fn per_second(count: u64, duration_s: f64) -> f64 {
    if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 }
}

/// The results of a flood during the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// The connections of the flood over the whole run.
    pub connections: Connections,
    /// Number of messages that came back.
    pub messages: u64,
    /// Number of bytes that came back.
    pub bytes: u64,
    /// Bytes per second that came back. The same number was sent.
    pub bytes_per_s: f64,
    /// The share of the time in which the busiest thread of the flood had work or waited for a CPU, 0 to
    /// 1. Above 0.95, the load tester may limit the bytes.
    #[serde(default)]
    pub busy: Option<f64>,
    /// The errors of the flood over the whole run. They are a part of `errors` of the report.
    pub errors: Errors,
}

/// An error with its connection and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The kind of the error, named after its field in `errors`.
    pub kind: String,
    /// The connection's number, from 0.
    pub connection: u64,
    /// Seconds since the load began. Negative while the connections were being made.
    pub at_s: f64,
    /// A sentence with what was expected and what arrived.
    pub text: String,
}

/// The load tester itself during the measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// The threads.
    pub threads: Vec<GeneratorThread>,
    /// CPU time of all threads per message that came back.
    pub cpu_per_message_ns: f64,
    /// In an open loop: how much later messages were sent than they could have been.
    pub lateness: Option<Distribution>,
    /// With `kernel_timestamps`: number of messages of the measurement without a valid kernel
    /// timestamp. A timestamp is missing, or it is impossible because somebody set the clock. The times
    /// of these messages end when the load tester had read them. `None` in reports of older versions.
    #[serde(default)]
    pub without_stamp: Option<u64>,
}

/// A thread of the load tester during the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratorThread {
    /// The share of the time in which the thread had work, 0 to 1. It is at least the share in which the
    /// thread was on a CPU or ready for one, unless the thread polls without sleeping.
    pub busy: f64,
    /// The share of the time in which the thread was ready to run and had no CPU, 0 to 1. It is 0 if the
    /// operating system does not report it.
    pub waiting: f64,
    /// The CPU time of the thread. It is 0 if the operating system does not report it.
    pub cpu_s: f64,
}

/// An interval of the measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The start of the interval, in seconds since the measurement began.
    pub start_s: f64,
    /// The length of the interval.
    pub duration_s: f64,
    /// Number of messages that came back.
    pub messages: u64,
    /// Number of bytes that came back.
    pub bytes: u64,
    /// Number of errors.
    pub errors: u64,
    /// The median time of the messages that came back. The times are response times in an
    /// open loop and service times in a closed loop.
    pub p50_ns: u64,
    /// 99 of 100 times are not longer than this.
    pub p99_ns: u64,
    /// The longest time.
    pub max_ns: u64,
    /// All times, encoded as in `histogram` of `service_time`, so that merged reports stay exact.
    pub histogram: String,
}

/// What was counted in an [`Interval`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of messages that came back.
    pub messages: u64,
    /// Number of bytes that came back.
    pub bytes: u64,
    /// Number of errors.
    pub errors: u64,
}

impl Interval {
    /// Creates an interval in which `messages` came back, with these times.
    #[must_use]
    pub fn new(start_s: f64, duration_s: f64, counts: Counts, times: &Histogram<u64>) -> Self {
        let Counts { messages, bytes, errors } = counts;
        Self {
            start_s,
            duration_s,
            messages,
            bytes,
            errors,
            p50_ns: times.value_at_quantile(0.5),
            p99_ns: times.value_at_quantile(0.99),
            max_ns: times.max(),
            histogram: distribution::encode(times),
        }
    }
}

/// A service level objective and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The objective as the user gave it, such as `p99<2ms`.
    pub text: String,
    /// The measured figure in words.
    pub measured: String,
    /// Whether the objective was met.
    pub met: bool,
}
