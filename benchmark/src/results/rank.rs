//! The order of the peers in a table.

use crate::findings::finding::Named;
use crate::findings::metric;

/// Sorts findings by strength, the strongest peer first. Peers without a ratio and our own server follow
/// in their order.
pub(crate) fn rank(metric: &str, findings: &mut [Named]) {
    let strength = |named: &Named| {
        let ratio = named.finding.estimate.map(|estimate| estimate.ratio)?;
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
    use super::*;
    use crate::findings::finding::{Finding, ITSELF};

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
    fn the_strongest_peer_comes_first() {
        // Beside "fast" our server takes twice the CPU time.
        assert_eq!(ranked("cpu"), ["fast", "equal", "slow", "unknown", ITSELF]);
        assert_eq!(ranked("throughput"), ["slow", "equal", "fast", "unknown", ITSELF]);
    }
}
