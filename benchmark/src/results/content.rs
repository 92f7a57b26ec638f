//! The content of a file of results.

use super::comparison::Comparison;
use super::header::{Entry, Header};
use crate::findings::finding::{Finding, ITSELF, Named};
use crate::workload::Workload;

/// The header of a run and its comparisons.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Results {
    pub(crate) header: Header,
    /// In the order of the peers in the header. Our own server comes last.
    pub(crate) comparisons: Vec<Comparison>,
}

impl Results {
    pub(crate) fn new(header: Header, mut comparisons: Vec<Comparison>) -> Self {
        let place = |comparison: &Comparison| {
            let is_it = |entry: &Entry| entry.name == comparison.peer;
            let found = header.peers.iter().position(is_it);
            (comparison.peer == ITSELF, found.unwrap_or(usize::MAX))
        };
        comparisons.sort_by_key(place);
        Self { header, comparisons }
    }

    /// Returns the comparisons under a workload.
    pub(crate) fn of(&self, workload: &Workload) -> Vec<&Comparison> {
        let name = workload.name();
        self.comparisons.iter().filter(|comparison| comparison.workload == name).collect()
    }

    /// Returns the comparison with this peer under this workload.
    pub(crate) fn find(&self, workload: &str, peer: &str) -> Option<&Comparison> {
        self.comparisons.iter().find(|found| found.workload == workload && found.peer == peer)
    }

    /// Returns what the comparisons under a workload say about the metric `name`.
    pub(crate) fn findings(&self, workload: &Workload, name: &str) -> Vec<Named> {
        let named = |comparison: &Comparison| Named {
            peer: comparison.peer.clone(),
            finding: Finding::new(&comparison.outcome, name),
            is_disturbed: comparison.conditions.is_disturbed(),
        };
        self.of(workload).into_iter().map(named).collect()
    }
}
