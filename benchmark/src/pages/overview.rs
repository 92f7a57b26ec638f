//! All workloads side by side, a figure of each; pure.

use std::fmt::Write;

use crate::findings::finding::{Finding, ITSELF, Named};
use crate::findings::metric;
use crate::results::kept::Kept;
use crate::workload::{Setting, Workload};

/// What one column shows.
struct Column {
    head: String,
    metric: &'static str,
    findings: Vec<Named>,
}

/// A row for each peer, in their order, and a column for each workload in which anybody is ranked.
pub(crate) fn table(kept: &Kept, workloads: &[Workload]) -> String {
    let columns: Vec<Column> =
        workloads.iter().filter_map(|workload| column(kept, workload)).collect();
    let mut text = "| peer |".to_owned();
    text.extend(columns.iter().map(|column| format!(" {} |", column.head)));
    text.push_str("\n|---|");
    text.extend(columns.iter().map(|_| "--:|"));
    for peer in peers(kept) {
        let _ = write!(text, "\n| {peer} |");
        text.extend(columns.iter().map(|column| format!(" {} |", column.cell(peer))));
    }
    text
}

/// Of the metrics of a workload that by which most peers are ranked; of equals the first.
fn column(kept: &Kept, workload: &Workload) -> Option<Column> {
    let columns = workload.metrics.iter().map(|metric| Column {
        head: format!("{}: {}", workload.name(), metric::title(metric)),
        metric,
        findings: kept.findings(Setting::Pinned, workload, metric),
    });
    // Of equals, this takes the last.
    columns.rev().max_by_key(Column::ranked).filter(|column| column.ranked() > 0)
}

/// All that have a result, once each.
fn peers(kept: &Kept) -> Vec<&str> {
    let mut peers = vec![];
    for raw in kept.results.iter().filter(|raw| raw.peer != ITSELF) {
        if !peers.contains(&raw.peer.as_str()) {
            peers.push(&raw.peer);
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

/// Bold where ours is shown to be better, in italics where it is shown to be worse.
fn ratio(name: &str, finding: &Finding) -> String {
    match (&finding.unfit, finding.estimate) {
        (None, Some(estimate)) => {
            let is_better = (estimate.ratio > 1.0) == metric::is_more_better(name);
            let mark = match (estimate.is_significant(), is_better) {
                (false, _) => "",
                (true, true) => "**",
                (true, false) => "*",
            };
            format!("{mark}{:.2}{mark}", estimate.ratio)
        }
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::mem;

    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::pages::markdown::expect;
    use crate::results::raw::{Outcome, Raw};
    use crate::results::sample;
    use crate::workload;

    const OPEN_LOOP: &str = "W8-40k";

    fn made(results: Vec<Raw>) -> String {
        table(&Kept::new(results, vec![]), workload::ALL)
    }

    #[test]
    fn bold_is_better_and_italics_are_worse() {
        let better = sample::raw("W2", "Go", VerdictKind::Valid);
        let mut worse = sample::raw("W2", "Node", VerdictKind::Valid);
        let Outcome::Compared(report) = &mut worse.outcome else { unreachable!() };
        report.rounds.iter_mut().for_each(|round| mem::swap(&mut round.a, &mut round.b));
        let mut equal = sample::raw("W2", "asio", VerdictKind::Valid);
        let Outcome::Compared(report) = &mut equal.outcome else { unreachable!() };
        report.rounds.iter_mut().for_each(|round| round.b = round.a.clone());
        let itself = sample::raw("W2", ITSELF, VerdictKind::Valid);
        assert_eq!(
            made(vec![better, worse, equal, itself]),
            "| peer | W2: CPU per message |\n|---|--:|\n| Go | **0.91** |\n| Node | *1.10* |\n\
             | asio | 1.00 |"
        );
    }

    #[test]
    fn what_nobody_is_ranked_by_has_no_column() {
        let valid = sample::raw(OPEN_LOOP, "Go", VerdictKind::Valid);
        let limited = sample::raw(OPEN_LOOP, "Node", VerdictKind::GeneratorLimited);
        let first = made(vec![valid.clone()]);
        expect(&first, &["| peer | W8-40k: p99 |\n", "\n| Go | **0.9"]);
        // CPU is the server's in any case.
        let both = made(vec![valid, limited]);
        expect(&both, &["| peer | W8-40k: CPU per message |\n", "\n| Node | **0.9"]);
        let failed = Raw {
            outcome: Outcome::Failed(crate::results::raw::Failure {
                side: None,
                why: String::new(),
            }),
            ..sample::raw("W2", "Go", VerdictKind::Valid)
        };
        assert_eq!(made(vec![failed]), "| peer |\n|---|\n| Go |");
    }
}
