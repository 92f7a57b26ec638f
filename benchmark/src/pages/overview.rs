//! All workloads side by side, one figure of each, as Markdown.

use std::fmt::Write;

use crate::findings::finding::{Finding, ITSELF, Named};
use crate::findings::metric;
use crate::results::Results;
use crate::workload::Workload;

/// A column: one workload and one of its metrics.
pub(super) struct Column {
    head: String,
    pub(super) metric: &'static str,
    pub(super) findings: Vec<Named>,
}

/// Returns a table with a row for each peer and a column for each workload that has a ranked peer.
pub(super) fn table(results: &Results, workloads: &[Workload]) -> String {
    let columns = columns(results, workloads);
    let mut text = "| peer |".to_owned();
    text.extend(columns.iter().map(|column| format!(" {} |", column.head)));
    text.push_str("\n|---|");
    text.extend(columns.iter().map(|_| "--:|"));
    for peer in peers(results) {
        let _ = write!(text, "\n| {peer} |");
        text.extend(columns.iter().map(|column| format!(" {} |", column.cell(peer))));
    }
    text
}

/// Returns the columns of the workloads that have a ranked peer.
pub(super) fn columns(results: &Results, workloads: &[Workload]) -> Vec<Column> {
    workloads.iter().filter_map(|workload| column(results, workload)).collect()
}

/// Returns the column of the metric by which most peers are ranked, and of the first one if several rank
/// equally many.
fn column(results: &Results, workload: &Workload) -> Option<Column> {
    let columns = workload.metrics.iter().map(|metric| Column {
        head: format!("{}: {}", workload.name(), metric::title(metric)),
        metric,
        findings: results.findings(workload, metric),
    });
    // `max_by_key` returns the last maximum, so the metrics are reversed.
    columns.rev().max_by_key(Column::ranked).filter(|column| column.ranked() > 0)
}

/// Returns the names of the peers that have a result.
fn peers(results: &Results) -> Vec<&str> {
    let mut peers = vec![];
    for found in results.comparisons.iter().filter(|found| found.peer != ITSELF) {
        if !peers.contains(&found.peer.as_str()) {
            peers.push(&found.peer);
        }
    }
    peers
}

impl Column {
    fn ranked(&self) -> usize {
        self.findings.iter().filter(|named| named.is_ranked()).count()
    }

    fn cell(&self, peer: &str) -> String {
        let found = self.findings.iter().find(|named| named.peer == peer);
        found.map_or("–".to_owned(), |named| ratio(self.metric, &named.finding))
    }
}

/// How our server compares with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Better,
    Worse,
    /// No difference is shown.
    Open,
}

/// Returns the standing, or `None` if the figures cannot be ranked.
pub(super) fn standing(metric: &str, finding: &Finding) -> Option<Standing> {
    let estimate = finding.estimate.filter(|_| finding.unfit.is_none())?;
    let is_better = (estimate.ratio > 1.0) == metric::is_more_better(metric);
    Some(match (estimate.is_significant(), is_better) {
        (false, _) => Standing::Open,
        (true, true) => Standing::Better,
        (true, false) => Standing::Worse,
    })
}

/// Returns the ratio for a table cell: bold if ours is shown to be better, in italics if it is shown to
/// be worse.
pub(super) fn ratio(metric: &str, finding: &Finding) -> String {
    match (standing(metric, finding), finding.estimate) {
        (Some(standing), Some(estimate)) => {
            let mark = match standing {
                Standing::Open => "",
                Standing::Better => "**",
                Standing::Worse => "*",
            };
            format!("{mark}{:.2}{mark}", estimate.ratio)
        }
        (_, _) => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::mem;

    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::findings::outcome::{Failure, Outcome};
    use crate::results::Comparison;
    use crate::sample::expect;
    use crate::{sample, workload};

    const OPEN_LOOP: &str = "W8-40k";

    fn made(comparisons: Vec<Comparison>) -> String {
        table(&sample::results(comparisons), workload::ALL)
    }

    #[test]
    fn bold_is_better_and_italics_are_worse() {
        let better = sample::comparison("W2", "Go", VerdictKind::Valid);
        let mut worse = sample::comparison("W2", "Node", VerdictKind::Valid);
        let Outcome::Compared(report) = &mut worse.outcome else { unreachable!() };
        report.rounds.iter_mut().for_each(|round| mem::swap(&mut round.a, &mut round.b));
        let mut equal = sample::comparison("W2", "asio", VerdictKind::Valid);
        let Outcome::Compared(report) = &mut equal.outcome else { unreachable!() };
        report.rounds.iter_mut().for_each(|round| round.b = round.a.clone());
        let itself = sample::comparison("W2", ITSELF, VerdictKind::Valid);
        assert_eq!(
            made(vec![better, worse, equal, itself]),
            "| peer | W2: CPU per message |\n|---|--:|\n| Go | **0.91** |\n| Node | *1.10* |\n\
             | asio | 1.00 |"
        );
    }

    #[test]
    fn a_metric_that_ranks_no_peer_has_no_column() {
        let valid = sample::comparison(OPEN_LOOP, "Go", VerdictKind::Valid);
        let limited = sample::comparison(OPEN_LOOP, "Node", VerdictKind::GeneratorLimited);
        let first = made(vec![valid.clone()]);
        expect(&first, &["| peer | W8-40k: p99 |\n", "\n| Go | **0.9"]);
        // The CPU time is a cost, so it is ranked also when the load tester was the limit.
        let both = made(vec![valid, limited]);
        expect(&both, &["| peer | W8-40k: CPU per message |\n", "\n| Node | **0.9"]);
        let failed = Comparison {
            outcome: Outcome::Failed(Failure { side: None, why: String::new() }),
            ..sample::comparison("W2", "Go", VerdictKind::Valid)
        };
        assert_eq!(made(vec![failed]), "| peer |\n|---|\n| Go |");
    }
}
