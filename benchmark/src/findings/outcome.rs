//! What a comparison came to: the rounds as they were measured. Data only.

use echo_loadtest::compare::{CompareReport, Side};
use serde::{Deserialize, Serialize};

use super::metric;

/// The outcome of a comparison. Side `a` is the peer, side `b` is our server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The report of `loadtest compare --json`, unchanged.
    Compared(Box<CompareReport>),
    /// The rounds with idle connections.
    Idle(Idle),
    Failed(Failure),
}

/// Why a comparison could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// The side that failed, if it is known.
    pub(crate) side: Option<Side>,
    /// The reason, in a sentence.
    pub(crate) why: String,
}

/// The rounds of a comparison with idle connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Idle {
    pub(crate) connections: usize,
    /// The seed of the resampling that gives the interval.
    pub(crate) seed: u64,
    pub(crate) rounds: Vec<IdleRound>,
}

/// The figures of both sides in one round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdleRound {
    pub(crate) a: IdleFigures,
    pub(crate) b: IdleFigures,
}

/// What idle connections cost a server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdleFigures {
    /// How much each connection added to the resident memory.
    pub(crate) memory_per_connection_bytes: f64,
    /// CPU time per second while no connection had traffic.
    pub(crate) cpu_ns_per_s: f64,
}

impl IdleFigures {
    /// Returns the figure of the metric `name`, if it is measured on idle connections.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        match name {
            metric::MEMORY => Some(self.memory_per_connection_bytes),
            metric::IDLE_CPU => Some(self.cpu_ns_per_s),
            _ => None,
        }
    }
}
