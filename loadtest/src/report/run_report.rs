//! The report of a run: what was asked for, what was found, and how far the figures can be trusted.
//! This is the document that `--json` writes, and that `report` and `merge` read. Its schema is in
//! `loadtest/schema`.

pub(crate) mod errors;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::distribution::{self, Distribution};

pub use errors::Errors;

/// The value of [`RunReport::format`]. It changes when programs that read the document have to.
pub const FORMAT: &str = "echo-loadtest/run/1";

/// One run, or several that ran at the same time and were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote this, with its version.
    pub program: String,
    /// Its whole command line. A merged report has that of the first part.
    pub command: Vec<String>,
    /// The machine on which it ran.
    pub machine: Machine,
    /// The server's address.
    pub target: String,
    /// Number of generators that took part. It is 1 unless reports were merged.
    pub agents: u32,
    /// When the measured part began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// When the measured part ended.
    pub ended_at: String,
    /// The load that was asked for.
    pub load: Load,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// Whether a signal stopped the run.
    pub interrupted: bool,
    /// The connections.
    pub connections: Connections,
    /// The messages of the measured part.
    pub messages: Messages,
    /// The throughput.
    pub throughput: Throughput,
    /// The flood beside the run, if there was one. Its messages are not in the other figures.
    pub flood: Option<Flood>,
    /// In an open loop: from the time a message was due to its last byte back, in the measured part.
    pub response_time: Option<Distribution>,
    /// From the time a message was ready for the system to take to its last byte back, in the measured
    /// part. The system takes it at once unless the server reads nothing and all buffers are full.
    pub service_time: Distribution,
    /// From the call to connect to when the load tester saw the connection. If connections are kept,
    /// all of them count, even those that were made before the load began. If connections are replaced
    /// after some messages, only those count whose call was in the measured part. A connect that failed
    /// is an error and has no time.
    pub connect_time: Distribution,
    /// The errors of the whole run, those of the flood included.
    pub errors: Errors,
    /// The first faults, each with its place. Connections of the flood have the numbers from
    /// [`Load::connections`] on.
    pub findings: Vec<Finding>,
    /// The load tester's own account.
    pub generator: Generator,
    /// The measured part, piece by piece.
    pub intervals: Vec<Interval>,
    /// The objectives that were asked for, and whether they were met.
    pub objectives: Vec<Objective>,
}

impl RunReport {
    /// Returns the times that a user of the server sees. In an open loop they count from when a message
    /// was due.
    #[must_use]
    pub fn latency(&self) -> &Distribution {
        self.response_time.as_ref().unwrap_or(&self.service_time)
    }

    /// Returns how many messages a second the generators of this report had to send. Only an open loop
    /// in which something was measured has such a rate.
    #[must_use]
    pub fn rate_asked(&self) -> Option<f64> {
        let rate = self.load.rate?;
        let rate = match (self.load.count, self.messages.asked) {
            // The messages of a Poisson process are not due exactly as often as its rate says.
            (None, Some(asked)) => asked as f64 / self.throughput.duration_s,
            // A count of messages does not depend on how slow the server is. The load is that of all
            // agents.
            _ => rate * self.connections.asked as f64 / self.load.connections as f64,
        };
        (rate.is_finite() && rate > 0.0).then_some(rate)
    }

    /// Returns which part of that rate was achieved.
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
    /// The system and its version, as it names itself.
    pub system: String,
    /// The kernel's version.
    pub kernel: String,
    /// The processor.
    pub cpu: String,
    /// Logical CPUs that this process may use.
    pub cpus: usize,
    /// Main memory.
    pub memory_bytes: u64,
}

/// The load that was asked for, of all generators together. The part of it that the server sees is the
/// same in the reports of all generators. Threads, seed and source addresses are a generator's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Number of connections that are open at a time.
    pub connections: u64,
    /// Number of threads that drive them.
    pub threads: u64,
    /// Lengths of the messages, newline included.
    pub size: Size,
    /// Maximum number of messages in flight on a connection.
    pub depth: u64,
    /// Number of messages that are sent together.
    pub send_burst: u64,
    /// When messages are sent.
    pub arrival: Arrival,
    /// Messages a second, over all connections; only in an open loop.
    pub rate: Option<f64>,
    /// New connections a second. Without it, all are made at once.
    pub connect_rate: Option<f64>,
    /// Number of messages after which a connection is replaced.
    pub messages_per_connection: Option<u64>,
    /// Length of the measured part; `None` if messages are counted instead.
    pub duration_s: Option<f64>,
    /// Number of messages that are measured.
    pub count: Option<u64>,
    /// How long the server is under load before the measured part.
    pub warmup_s: f64,
    /// How long to wait for a connection, and for each reply.
    pub timeout_s: f64,
    /// Seed of the content and of all randomness.
    pub seed: u64,
    /// Local addresses, if they were chosen.
    pub source_ips: Vec<String>,
    /// Whether the threads spin instead of sleeping.
    pub busy_poll: bool,
    /// Whether the time of a message ends when the system received it, not when the load tester read it.
    #[serde(default)]
    pub kernel_timestamps: bool,
    /// Length of a piece of [`RunReport::intervals`]; the last may be shorter. The length that was
    /// asked for is doubled as often as needed to have no more than 1,000 pieces.
    pub interval_s: f64,
    /// The number of this generator.
    pub agent_index: u32,
    /// Number of generators that share the load.
    pub agent_count: u32,
    /// The flood beside the load, if there is one.
    pub flood: Option<FloodLoad>,
}

/// Connections that keep the server busy all the time beside those that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FloodLoad {
    /// Number of connections, of all generators together.
    pub connections: u64,
    /// The length of their messages, newline included.
    pub size: usize,
    /// Number of messages in flight on each connection, all the time.
    pub depth: u64,
}

/// Lengths of messages in bytes, newline included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The shortest length.
    pub min: usize,
    /// The longest length.
    pub max: usize,
    /// The file that they come from.
    pub file: Option<String>,
}

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// A message is sent when an earlier one has come back.
    Closed,
    /// Messages are sent evenly at a given rate.
    Constant,
    /// Messages are sent at random at a given rate: the time to the next is exponentially distributed.
    Poisson,
}

/// Whether the figures describe the server under the load that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The verdict in a word.
    pub kind: VerdictKind,
    /// The reasons, a sentence each; none if it is valid.
    pub reasons: Vec<String>,
}

/// A verdict in a word, the best first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum VerdictKind {
    /// The figures are the server's, and the network's.
    Valid,
    /// The load tester, or its machine, was too slow: the figures may be its own.
    GeneratorLimited,
    /// There were fewer connections or messages than asked for.
    Incomplete,
}

impl VerdictKind {
    /// Returns the word as it is shown.
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
    /// Number of connections that were asked for.
    pub asked: u64,
    /// Number of these that were open at least once.
    pub established: u64,
    /// Number of connections that were opened, replacements included.
    pub opened: u64,
    /// The part of the connections that was missing, on average over the measured part, because they had
    /// failed and were not replaced; 0 to 1.
    pub missing: f64,
}

/// The messages of the measured part. They were due in it or, in a closed loop, sent in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// Number of messages that were due: by the rate of an open loop, otherwise by `count`.
    pub asked: Option<u64>,
    /// Number of messages that were handed to the system.
    pub sent: u64,
    /// Number of messages that came back with every byte as it was sent.
    pub verified: u64,
    /// Number of messages that were due and never sent, because earlier ones were not back in time.
    pub unsent: u64,
}

/// The throughput of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throughput {
    /// Length of the measured part.
    pub duration_s: f64,
    /// Number of messages that came back in that time.
    pub messages: u64,
    /// Number of bytes that came back in that time.
    pub bytes: u64,
    /// Messages that came back per second.
    pub messages_per_s: f64,
    /// Bytes that came back per second. The same number was sent.
    pub bytes_per_s: f64,
}

/// A flood, while the run was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// The connections of the flood, over the whole run.
    pub connections: Connections,
    /// Number of messages that came back.
    pub messages: u64,
    /// Number of bytes that came back.
    pub bytes: u64,
    /// Bytes that came back per second. The same number was sent.
    pub bytes_per_s: f64,
    /// The part of the time in which the thread of the flood, or the busiest one, had something to do or
    /// waited for a CPU, 0 to 1. Above 0.95 the load tester may limit the bytes.
    #[serde(default)]
    pub busy: Option<f64>,
    /// The errors of the flood, over the whole run. They are part of [`RunReport::errors`].
    pub errors: Errors,
}

/// A fault and its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its kind, as in [`Errors::by_kind`].
    pub kind: String,
    /// The connection's number, from 0.
    pub connection: u64,
    /// Seconds since the load began; negative while connections were being made.
    pub at_s: f64,
    /// What was expected, and what came instead.
    pub text: String,
}

/// The load tester itself, while it measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Each thread.
    pub threads: Vec<GeneratorThread>,
    /// CPU time of all threads for each message that came back.
    pub cpu_per_message_ns: f64,
    /// In an open loop: how much later than possible messages were sent.
    pub lateness: Option<Distribution>,
    /// With [`Load::kernel_timestamps`]: number of messages of the measured part without a kernel
    /// timestamp, or with an impossible one because the clock was set. They count as received when they
    /// were read. None in reports from before these messages were counted.
    #[serde(default)]
    pub without_stamp: Option<u64>,
}

/// A thread of the load tester, while it measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratorThread {
    /// The part of the time in which the thread had something to do, 0 to 1. It is at least the part in
    /// which the thread was on a CPU or ready for one, unless the thread looked for replies all the
    /// time.
    pub busy: f64,
    /// The part of the time in which the thread was ready to run and had no CPU, 0 to 1; 0 where the
    /// system does not say.
    pub waiting: f64,
    /// The CPU time of the thread; 0 where the system does not say.
    pub cpu_s: f64,
}

/// A piece of the measured part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Time from the beginning of the measured part to that of the piece.
    pub start_s: f64,
    /// Length of the piece.
    pub duration_s: f64,
    /// Number of messages that came back.
    pub messages: u64,
    /// Number of bytes that came back.
    pub bytes: u64,
    /// Number of errors.
    pub errors: u64,
    /// Half of the messages that came back did not take longer: see [`RunReport::latency`].
    pub p50_ns: u64,
    /// 99 of 100 messages did not take longer.
    pub p99_ns: u64,
    /// The time of the slowest message.
    pub max_ns: u64,
    /// All times, as in [`Distribution::histogram`], so that merging stays exact.
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
    /// Returns the interval with these counts, in which messages took what `times` holds.
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

/// A service level objective, and whether it was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The objective as it was given, such as `p99<2ms`.
    pub text: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether it was met.
    pub met: bool,
}
