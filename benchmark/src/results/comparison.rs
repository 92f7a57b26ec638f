//! One comparison: a peer and our server under a workload.

use serde::{Deserialize, Serialize};

use crate::findings::outcome::Outcome;

/// With more CPUs than this kept busy by others, or taken by the host, a comparison counts as disturbed.
const MAX_OTHERS_CPUS: f64 = 0.10;

/// A peer and our server under a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comparison {
    /// Name of the workload.
    pub(crate) workload: String,
    /// Name of the peer.
    pub(crate) peer: String,
    pub(crate) conditions: Conditions,
    pub(crate) outcome: Outcome,
}

/// When a comparison was measured, and what else the machine did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conditions {
    /// Start in UTC, RFC 3339.
    pub(crate) started_at: String,
    /// CPUs that other processes kept busy, on average.
    pub(crate) others_cpus: f64,
    /// CPUs that the host did not give to this machine, on average.
    pub(crate) stolen_cpus: f64,
}

impl Conditions {
    /// Returns whether something else used the machine.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.others_cpus > MAX_OTHERS_CPUS || self.stolen_cpus > MAX_OTHERS_CPUS
    }
}
