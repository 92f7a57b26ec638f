//! One round of a comparison: a run of each server, and the figures of each run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::run_report::{RunReport, Verdict, VerdictKind};

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The reference.
    A,
    /// The server that is compared with the reference.
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

/// One run of each server, one right after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// The number of the round, from 1.
    pub number: u32,
    /// The number of the attempt, from 1. It is higher if the previous attempt was not VALID.
    pub attempt: u32,
    /// The server that ran first.
    pub first: Side,
    /// Whether the round counts, because both runs are VALID.
    pub used: bool,
    /// The figures of server a.
    pub a: Figures,
    /// The figures of server b.
    pub b: Figures,
}

impl Round {
    /// Returns the verdicts because of which the round does not count.
    pub(crate) fn invalid(&self) -> impl Iterator<Item = &Verdict> {
        [&self.a.verdict, &self.b.verdict]
            .into_iter()
            .filter(|verdict| verdict.kind != VerdictKind::Valid)
    }
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// Number of errors. Each error ended a connection.
    pub errors: u64,
    /// Messages that came back during the measurement.
    pub messages: u64,
    /// Messages per second that came back.
    pub messages_per_s: f64,
    /// Half of the messages did not take longer than this.
    pub p50_ns: u64,
    /// 99 of 100 messages did not take longer than this.
    pub p99_ns: u64,
    /// 999 of 1,000 messages did not take longer than this.
    pub p99_9_ns: u64,
    /// The time of the slowest message.
    pub max_ns: u64,
    /// 99 of 100 connects did not take longer than this. It is 0 if no connect counts. The connects that
    /// count are those of `connect_time` of a run.
    pub connect_p99_ns: u64,
    /// The time of the slowest connect. It is 0 if no connect counts.
    pub connect_max_ns: u64,
    /// CPU time of the server per message. Only if the load tester started the server, on Linux, and
    /// without a flood.
    pub cpu_per_message_ns: Option<f64>,
    /// Growth of the server's resident memory per connection. Only if the load tester started the
    /// server, on Linux.
    pub memory_per_connection_bytes: Option<f64>,
    /// Bytes of the flood that came back per second, if there was a flood.
    pub flood_bytes_per_s: Option<f64>,
    /// The share of the time in which the thread of the flood was busy, if there was a flood.
    #[serde(default)]
    pub flood_busy: Option<f64>,
    /// With kernel timestamps: number of messages that have none, as in `generator` of a run.
    #[serde(default)]
    pub without_stamp: Option<u64>,
}

impl Figures {
    /// Returns the figures of a run.
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

/// The resources that a server used during a measurement. A figure is `None` if the operating system
/// does not report it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ServerUse {
    /// CPU time per message that came back, of all processes of the server, including time in the
    /// kernel. `None` with a flood, because the flood uses most of the CPU time.
    pub cpu_per_message_ns: Option<f64>,
    /// Maximum growth of resident memory since the start of the server, per connection. Buffers in the
    /// kernel do not count.
    pub memory_per_connection_bytes: Option<f64>,
}
