//! All results together, as the page looks at them; pure.

use crate::findings::finding::{ITSELF, Named};
use crate::findings::metric;
use crate::results::flags;
use crate::results::raw::{Entry, Folder, Raw};
use crate::workload::{Setting, Workload};

/// What is kept in a folder.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// In the order of the peers.
    pub(crate) results: Vec<Raw>,
    pub(crate) peers: Vec<Entry>,
}

impl Kept {
    pub(crate) fn new(mut results: Vec<Raw>, peers: Vec<Entry>) -> Self {
        let place = |raw: &Raw| {
            let found = peers.iter().position(|entry| entry.name == raw.peer);
            // Our own server comes last: it is no peer.
            (raw.peer == ITSELF, found.unwrap_or(usize::MAX))
        };
        results.sort_by_key(place);
        for raw in &mut results {
            let mut known = peers.iter().filter(|entry| entry.name == raw.peer);
            raw.is_outdated = known.any(|entry| entry.has_changed_since(raw));
        }
        Self { results, peers }
    }

    /// # Errors
    /// A sentence that names a file that cannot be read.
    pub(crate) fn read(folder: &Folder) -> Result<Self, String> {
        Ok(Self::new(folder.all()?, folder.peers()?))
    }

    /// Of a workload in a setting.
    pub(crate) fn of(&self, setting: Setting, workload: &Workload) -> Vec<&Raw> {
        let name = workload.name();
        let is_of = |raw: &&Raw| raw.setting == setting && raw.workload == name;
        self.results.iter().filter(is_of).collect()
    }

    /// What they say about a metric.
    pub(crate) fn findings(&self, setting: Setting, workload: &Workload, name: &str) -> Vec<Named> {
        let found = self.of(setting, workload).into_iter();
        let named = |raw: &Raw| Named {
            peer: raw.peer.clone(),
            finding: flags::finding(raw, workload, name),
            is_disturbed: raw.context.is_disturbed(),
        };
        found.map(named).collect()
    }
}

/// The strongest peer first; then those that cannot be ranked, and our own server, in the order given.
pub(crate) fn rank(metric: &str, findings: &mut [Named]) {
    let strength = |named: &Named| {
        let ratio = named.finding.estimate.map(|estimate| estimate.ratio)?;
        // It is no peer.
        if !named.is_peer() {
            return None;
        }
        Some(if metric::is_more_better(metric) { ratio } else { -ratio })
    };
    findings.sort_by(|left, right| match (strength(left), strength(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        (left, right) => right.is_some().cmp(&left.is_some()),
    });
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::findings::finding::Finding;
    use crate::results::raw::{Outcome, State};
    use crate::results::sample;

    fn ranked(metric: &str) -> Vec<String> {
        let named = |(peer, ratio): (&str, f64)| Named {
            peer: peer.to_owned(),
            finding: Finding::of_pairs(&[(1.0, ratio)], 1),
            is_disturbed: false,
        };
        let peers = [("unknown", 0.0), (ITSELF, 3.0), ("slow", 0.5), ("equal", 1.0), ("fast", 2.0)];
        let mut findings: Vec<Named> = peers.into_iter().map(named).collect();
        rank(metric, &mut findings);
        findings.into_iter().map(|named| named.peer).collect()
    }

    #[test]
    fn a_result_is_outdated_when_its_peer_is_another_version_or_started_otherwise() {
        let is_outdated = |version: &str, command: &str| {
            let state = State::Built { version: version.to_owned(), command: command.to_owned() };
            let mut raw = sample::raw_in(Setting::Unpinned, "W2", "Go", VerdictKind::Valid);
            if let Outcome::Compared(report) = &mut raw.outcome {
                report.a = "go {port} 2".to_owned();
            }
            let entries =
                ["Go", "Node"].map(|name| Entry { name: name.to_owned(), state: state.clone() });
            Kept::new(vec![raw], entries.into()).results[0].is_outdated
        };
        assert!(!is_outdated("1", "go {port} {workers}"));
        assert!(is_outdated("2", "go {port} {workers}"));
        assert!(is_outdated("1", "go {port} {workers} --fast"));
    }

    #[test]
    fn the_strongest_peer_comes_first() {
        // Twice its CPU time: it is far better than we are.
        assert_eq!(ranked("cpu"), ["fast", "equal", "slow", "unknown", ITSELF]);
        assert_eq!(ranked("throughput"), ["slow", "equal", "fast", "unknown", ITSELF]);
    }
}
