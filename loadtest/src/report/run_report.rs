//! What a run was asked, what it found, and how far that can be trusted: the document that
//! `--json` writes and `report` and `merge` read. Its schema is kept in `loadtest/schema`.

pub(crate) mod errors;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::distribution::{self, Distribution};

pub use errors::Errors;

/// The value of [`RunReport::format`]. It changes when a reader has to.
pub const FORMAT: &str = "echo-loadtest/run/1";

/// One run, or several that ran at the same time and were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote this, with its version.
    pub program: String,
    /// Its whole command line; of merged runs that of the first.
    pub command: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// The server's address.
    pub target: String,
    /// The generators that took part, unless they were merged 1.
    pub agents: u32,
    /// When the measured part began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// When it ended.
    pub ended_at: String,
    /// What was asked.
    pub load: Load,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// Whether it was stopped by a signal before its time.
    pub interrupted: bool,
    /// The connections.
    pub connections: Connections,
    /// The messages of the measured part.
    pub messages: Messages,
    /// How fast it was.
    pub throughput: Throughput,
    /// What came of the flood beside it, if there was one. None of its messages is among those of the
    /// other figures.
    pub flood: Option<Flood>,
    /// In an open loop: from the time a message was due to its last byte back. The measured part.
    pub response_time: Option<Distribution>,
    /// From when a message is ready for the system to take to its last byte back. It is taken at once
    /// unless the server reads nothing and all buffers are full. The measured part.
    pub service_time: Distribution,
    /// From the call to connect to when the load tester saw the connection. Of connections that are
    /// kept all count, those that were made before the load began too; of those that are replaced
    /// after some messages only those whose call was in the measured part. A connect that failed has
    /// no time: it is an error.
    pub connect_time: Distribution,
    /// What went wrong, over the whole run; with the flood.
    pub errors: Errors,
    /// The first faults, each with its place. Connections of the flood have the numbers from
    /// [`Load::connections`] on.
    pub findings: Vec<Finding>,
    /// The load tester itself.
    pub generator: Generator,
    /// The measured part, piece by piece.
    pub intervals: Vec<Interval>,
    /// The objectives that were asked for, and whether they were met.
    pub objectives: Vec<Objective>,
}

impl RunReport {
    /// The times that a user of the server sees: from the intended time in an open loop.
    #[must_use]
    pub fn latency(&self) -> &Distribution {
        self.response_time.as_ref().unwrap_or(&self.service_time)
    }

    /// Messages a second that the generators of this report were to send; in an open loop only, of which
    /// something was measured.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // A rate needs no more digits.
    pub fn rate_asked(&self) -> Option<f64> {
        let rate = self.load.rate?;
        let rate = match (self.load.count, self.messages.asked) {
            // A Poisson process is not due exactly as often as its rate says.
            (None, Some(asked)) => asked as f64 / self.throughput.duration_s,
            // Counted messages are as many however slow the server is. The load is that of all agents.
            _ => rate * self.connections.asked as f64 / self.load.connections as f64,
        };
        (rate.is_finite() && rate > 0.0).then_some(rate)
    }

    /// How much of that rate was achieved.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // A share needs no more digits.
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

/// What was asked, of all generators together. What the server sees of it is the same in each of
/// their reports; threads, seed and source addresses are a generator's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Connections at a time.
    pub connections: u64,
    /// Threads that drive them.
    pub threads: u64,
    /// Lengths of the messages, newline included.
    pub size: Size,
    /// Most messages in flight on a connection.
    pub depth: u64,
    /// Messages that go out together.
    pub send_burst: u64,
    /// When messages are sent.
    pub arrival: Arrival,
    /// Messages a second, over all connections; only in an open loop.
    pub rate: Option<f64>,
    /// New connections a second; at once when there is no such limit.
    pub connect_rate: Option<f64>,
    /// After so many messages a connection is replaced.
    pub messages_per_connection: Option<u64>,
    /// How long is measured; `None` when messages are counted instead.
    pub duration_s: Option<f64>,
    /// How many messages are measured.
    pub count: Option<u64>,
    /// What comes before, and is not measured.
    pub warmup_s: f64,
    /// The patience with a connect, and with each message.
    pub timeout_s: f64,
    /// What the content and all chance follow from.
    pub seed: u64,
    /// Local addresses, if they were chosen.
    pub source_ips: Vec<String>,
    /// Whether the threads spin instead of sleeping.
    pub busy_poll: bool,
    /// Whether times of messages end when the system received them, not when the load tester had read
    /// them.
    #[serde(default)]
    pub kernel_timestamps: bool,
    /// How long a piece of [`RunReport::intervals`] is; the last may be shorter. Twice as long as it was
    /// asked for, or four times, when there would be more than 1,000 otherwise.
    pub interval_s: f64,
    /// Which part of the load this generator is.
    pub agent_index: u32,
    /// Generators that share the load.
    pub agent_count: u32,
    /// The flood beside it, if there is one.
    pub flood: Option<FloodLoad>,
}

/// Connections that keep the server busy all the time beside those that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FloodLoad {
    /// How many, of all generators together.
    pub connections: u64,
    /// The length of their messages, newline included.
    pub size: usize,
    /// Messages in flight on each, all the time.
    pub depth: u64,
}

/// Lengths of messages in bytes, newline included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The shortest.
    pub min: usize,
    /// The longest.
    pub max: usize,
    /// The file that they come from.
    pub file: Option<String>,
}

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// When an earlier one has come back.
    Closed,
    /// At a given rate, evenly.
    Constant,
    /// At a given rate, by chance: the time to the next is exponentially distributed.
    Poisson,
}

/// Whether the figures describe the server under the load that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// In a word.
    pub kind: VerdictKind,
    /// Why, a sentence each; none when it is valid.
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
    /// The load tester, or its machine, was too slow: they may be its own.
    GeneratorLimited,
    /// Fewer connections or messages than asked.
    Incomplete,
}

impl VerdictKind {
    /// As it is shown.
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
    /// How many were to be open at a time.
    pub asked: u64,
    /// How many of those were open at least once.
    pub established: u64,
    /// All that were opened, replacements included.
    pub opened: u64,
    /// The part of those asked for that was missing, on average over the measured part, because it had
    /// failed and was not replaced; 0 to 1.
    pub missing: f64,
}

/// Messages of the measured part: those due in it or, in a closed loop, sent in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// How many were due: in an open loop by its rate, otherwise by `count`.
    pub asked: Option<u64>,
    /// Handed to the system.
    pub sent: u64,
    /// Back, every byte as it was sent.
    pub verified: u64,
    /// Due and never sent, because earlier ones were not back in time.
    pub unsent: u64,
}

/// How fast it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throughput {
    /// How long was measured.
    pub duration_s: f64,
    /// Messages that came back in that time.
    pub messages: u64,
    /// Bytes that came back in that time.
    pub bytes: u64,
    /// The same, a second.
    pub messages_per_s: f64,
    /// The same, a second; as many were sent.
    pub bytes_per_s: f64,
}

/// What came back of a flood while the run was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// Its connections, over the whole run.
    pub connections: Connections,
    /// Messages that came back.
    pub messages: u64,
    /// Bytes that came back.
    pub bytes: u64,
    /// The same, a second; as many were sent.
    pub bytes_per_s: f64,
    /// The part of the time in which its thread, or the busiest of them, had something to do or waited
    /// for a CPU, 0 to 1: above 0.95 the load tester may be what limits the bytes.
    #[serde(default)]
    pub busy: Option<f64>,
    /// What went wrong with it, over the whole run: a part of [`RunReport::errors`].
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
    /// What was expected and what came.
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
    /// In an open loop: how much later than it could have a message was sent.
    pub lateness: Option<Distribution>,
    /// With [`Load::kernel_timestamps`]: messages of the measured part whose times end when the load
    /// tester had read them all the same: the system had put no stamp on them, or one that cannot be,
    /// by a clock that was set. None in reports from before they were counted.
    #[serde(default)]
    pub without_stamp: Option<u64>,
}

/// A thread of the load tester, while it measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratorThread {
    /// The part of the time in which it had something to do, 0 to 1; at least the part in which it was
    /// on a CPU or ready for one, unless it looked for replies all the time.
    pub busy: f64,
    /// The part of the time in which it was ready to run and had no CPU, 0 to 1; 0 where the system
    /// does not tell.
    pub waiting: f64,
    /// Its CPU time; 0 where the system does not tell.
    pub cpu_s: f64,
}

/// A piece of the measured part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Since the measured part began.
    pub start_s: f64,
    /// How long it is.
    pub duration_s: f64,
    /// Messages that came back.
    pub messages: u64,
    /// Bytes that came back.
    pub bytes: u64,
    /// What went wrong.
    pub errors: u64,
    /// Of the messages that came back: [`RunReport::latency`].
    pub p50_ns: u64,
    /// 99 of 100 are not longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// All of them, as in [`Distribution::histogram`]: what is merged later stays exact.
    pub histogram: String,
}

impl Interval {
    /// A piece in which `messages` came back that took what `times` holds.
    #[must_use]
    pub fn new(
        start_s: f64,
        duration_s: f64,
        messages: u64,
        bytes: u64,
        errors: u64,
        times: &Histogram<u64>,
    ) -> Self {
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

/// A service level objective, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// As it was given, such as `p99<2ms`.
    pub text: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether it was met.
    pub met: bool,
}
