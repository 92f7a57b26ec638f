//! One round of a comparison: a run of each side, and the figures of each run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::run_report::{RunReport, Verdict, VerdictKind};

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The server that is the reference.
    A,
    /// The server that is compared with it.
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

/// One round: a run of each server, one right after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// The number of the round, from 1.
    pub number: u32,
    /// The number of the attempt, from 1. There is another one if the one before was not VALID.
    pub attempt: u32,
    /// The server that was measured first.
    pub first: Side,
    /// Whether the round counts, because both runs are VALID.
    pub used: bool,
    /// The run of a.
    pub a: Figures,
    /// The run of b.
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

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// Number of errors. Each ended a connection.
    pub errors: u64,
    /// Messages that came back in the measured time.
    pub messages: u64,
    /// The same per second.
    pub messages_per_s: f64,
    /// Half of the messages did not take longer.
    pub p50_ns: u64,
    /// 99 of 100 messages did not take longer.
    pub p99_ns: u64,
    /// 999 of 1,000 messages did not take longer.
    pub p99_9_ns: u64,
    /// The time of the slowest message.
    pub max_ns: u64,
    /// 99 of 100 connects did not take longer; 0 if none counts. [`RunReport::connect_time`] says which
    /// connects count.
    pub connect_p99_ns: u64,
    /// The time of the slowest connect; 0 if none counts.
    pub connect_max_ns: u64,
    /// CPU time of the server for each message. Only of a command, on Linux, without a flood.
    pub cpu_per_message_ns: Option<f64>,
    /// Growth of the server's resident memory for each connection. Only of a command, on Linux.
    pub memory_per_connection_bytes: Option<f64>,
    /// Bytes of the flood that came back per second, if there was a flood.
    pub flood_bytes_per_s: Option<f64>,
    /// The part of the time in which the thread of the flood was busy, if there was a flood.
    #[serde(default)]
    pub flood_busy: Option<f64>,
    /// With kernel timestamps: number of messages that have none, as in [`RunReport::generator`].
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

/// What a server used while a run was measured. A figure that the system does not have is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ServerUse {
    /// CPU time of all its processes for each message that came back, the kernel's part included. `None`
    /// beside a flood, which takes most of the CPU time.
    pub cpu_per_message_ns: Option<f64>,
    /// Maximum growth of resident memory since the start, for each connection. The buffers of the
    /// kernel do not count.
    pub memory_per_connection_bytes: Option<f64>,
}
