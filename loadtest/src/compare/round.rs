//! One round of a comparison: a run of each side, and the figures of each run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::run_report::{RunReport, Verdict, VerdictKind};

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
    pub(crate) fn invalid(&self) -> impl Iterator<Item = &Verdict> {
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

/// What a server took of the system while a run was measured. What the system does not tell is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ServerUse {
    /// CPU time for each message that came back, of all its processes, the kernel's part included. Not
    /// beside a flood, which takes most of it.
    pub cpu_per_message_ns: Option<f64>,
    /// What resident memory grew by since its start, at most, for each connection. The buffers of the
    /// kernel are not in it.
    pub memory_per_connection_bytes: Option<f64>,
}
