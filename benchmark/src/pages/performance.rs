//! The generated parts of PERFORMANCE.md, and its picture.

use std::fmt::Write;

use super::overview::{self, Standing, standing};
use super::plot::Row;
use super::{circumstances, plot, table};
use crate::findings::bar::{Judged, Judgement};
use crate::findings::finding::Named;
use crate::findings::metric;
use crate::results::Results;
use crate::workload::{ALL, Workload, YARDSTICK};

/// The workload that answers "is it fast?" with its first metric.
const ANSWER: &str = "W2";

/// A row of the table.
struct Highlight {
    workload: &'static str,
    metric: &'static str,
    words: &'static str,
}

const fn highlight(workload: &'static str, metric: &'static str, words: &'static str) -> Highlight {
    Highlight { workload, metric, words }
}

const HIGHLIGHTS: [Highlight; 6] = [
    highlight("W1-default", "p50", "round trip, one connection"),
    highlight("W2", "cpu", "CPU per message, 50 connections"),
    highlight("W4", "cpu", "CPU per line, 32 in flight"),
    highlight("W6", "cpu", "CPU per connection, one line each"),
    highlight("W7", "memory", "memory per idle connection"),
    highlight("W9-ping-pong", "p99", "p99 beside four floods"),
];

/// The columns of the table.
const PEERS: [&str; 5] = [YARDSTICK, "io_uring", "tokio raw", "Go", "Node"];

/// Returns the generated parts with their names.
pub(super) fn parts(results: &Results) -> Vec<(&'static str, String)> {
    vec![
        ("answer", answer(results)),
        ("table", comparison(results)),
        ("missed", missed(results)),
        ("circumstances", circumstances::text(results)),
    ]
}

/// Returns three sentences that answer "is it fast?".
fn answer(results: &Results) -> String {
    format!("{}\n{}\n{}", first_sentence(results), standings(results), judgements(results))
}

fn first_sentence(results: &Results) -> String {
    let workload = find(ANSWER);
    let findings = workload.map(|workload| results.findings(workload, workload.metrics[0]));
    let found = findings.unwrap_or_default().into_iter().find(|named| named.peer == YARDSTICK);
    let estimate = found.and_then(|named| named.finding.estimate);
    let interval = estimate.and_then(|estimate| Some((estimate.ratio, estimate.interval?)));
    let Some((ratio, (low, high))) = interval else {
        return format!("This run has not measured {ANSWER} against {YARDSTICK}.");
    };
    let word = match (low, high) {
        (_, high) if high <= 1.0 => "Yes: ",
        (low, _) if low <= 1.0 => "As fast as it can be shown: ",
        (_, _) => "Nearly: ",
    };
    format!(
        "{word}a message costs our server {ratio:.3} [{low:.3} .. {high:.3}] times the CPU time that it costs \
         a {YARDSTICK} loop, which does nothing but echo ({ANSWER}, one worker)."
    )
}

/// Returns the sentence that counts how our server compares, one figure per workload and peer.
fn standings(results: &Results) -> String {
    let columns = overview::columns(results, ALL);
    let all: Vec<Standing> = columns
        .iter()
        .flat_map(|column| {
            let peers = column.findings.iter().filter(|named| named.is_peer());
            peers.filter_map(|named| standing(column.metric, &named.finding))
        })
        .collect();
    let count = |wanted| all.iter().filter(|found| **found == wanted).count();
    format!(
        "Over all peers and {} workloads, our server is shown to be better in {} of {} ranked comparisons and \
         worse in {}; in the others no difference is shown.",
        columns.len(),
        count(Standing::Better),
        all.len(),
        count(Standing::Worse),
    )
}

/// Returns the sentence that counts the judgements of the bars.
fn judgements(results: &Results) -> String {
    let all: Vec<Judgement> = judged(results).map(|(_, _, judged)| judged.judgement).collect();
    let count = |wanted| all.iter().filter(|found| **found == wanted).count();
    format!(
        "We set ourselves {} bars: {} met, {} missed, {} not separable and {} not judged (not measured in this \
         run, or the load tester was the limit).",
        all.len(),
        count(Judgement::Met),
        count(Judgement::Missed),
        count(Judgement::NotSeparable),
        count(Judgement::NotJudged),
    )
}

/// Returns all bars with their workloads and judgements.
fn judged(
    results: &Results,
) -> impl Iterator<Item = (&'static Workload, &'static crate::findings::bar::Bar, Judged)> {
    ALL.iter().flat_map(|workload| {
        let each = table::judged(results, workload).into_iter();
        each.map(move |(bar, judged)| (workload, bar, judged))
    })
}

/// Returns the table of the highlights.
fn comparison(results: &Results) -> String {
    let mut text = format!("| ours/peer | {} |\n|---|", PEERS.join(" | "));
    text.extend(PEERS.map(|_| "--:|"));
    for Highlight { workload, metric, words } in HIGHLIGHTS {
        let findings = highlighted(results, workload, metric);
        let cells = PEERS.map(|peer| {
            let found = findings.iter().find(|named| named.peer == peer);
            found.map_or("–".to_owned(), |named| overview::ratio(metric, &named.finding))
        });
        let _ = write!(text, "\n| {workload}: {words} | {} |", cells.join(" | "));
    }
    text
}

fn highlighted(results: &Results, workload: &str, metric: &str) -> Vec<Named> {
    find(workload).map(|workload| results.findings(workload, metric)).unwrap_or_default()
}

fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name() == name)
}

/// Returns a line for each bar that is missed, with the reason.
fn missed(results: &Results) -> String {
    let lines: Vec<String> = judged(results)
        .filter(|(.., judged)| judged.judgement == Judgement::Missed)
        .map(|(workload, bar, judged)| {
            let (name, bar_text, measured) = (workload.name(), bar.text(), judged.measured);
            let why = bar.why_missed.unwrap_or("nobody knows why");
            format!("- **{name}**, {bar_text}: {measured}. Reason: {why}.")
        })
        .collect();
    match lines.is_empty() {
        true => "No bar is missed.".to_owned(),
        false => lines.join("\n"),
    }
}

/// Returns the picture of the highlights, or `None` if no peer is ranked.
pub(super) fn picture(results: &Results) -> Option<String> {
    let rows: Vec<Row> = HIGHLIGHTS.iter().enumerate().flat_map(|one| rows(results, one)).collect();
    plot::draw("ours/peer: below 1 our server takes less", &rows)
}

fn rows(results: &Results, (group, highlight): (usize, &Highlight)) -> Vec<Row> {
    let findings = highlighted(results, highlight.workload, highlight.metric);
    let title = metric::title(highlight.metric);
    let row = |peer: &&str| {
        let named = findings.iter().find(|named| named.peer == **peer)?;
        let estimate = named.finding.estimate?;
        let interval = estimate.interval.unwrap_or((estimate.ratio, estimate.ratio));
        let section = highlight.workload.split('-').next().unwrap_or_default();
        let name = format!("{section} {title}: {peer}");
        Some(Row { name, ratio: estimate.ratio, interval, group })
    };
    PEERS.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::findings::outcome::Outcome;
    use crate::sample::expect;
    use crate::{peers, sample};

    #[test]
    fn every_highlight_is_a_metric_of_a_workload_and_every_column_is_a_peer() {
        for Highlight { workload, metric, .. } in HIGHLIGHTS {
            assert!(find(workload).unwrap().metrics.contains(&metric), "{workload}: {metric}");
        }
        let known: Vec<&str> = peers::all().iter().map(|recipe| recipe.name).collect();
        assert!(PEERS.iter().all(|peer| known.contains(peer)));
        assert!(find(ANSWER).is_some());
    }

    #[test]
    fn the_answer_follows_from_the_interval() {
        let mut results = sample::results(vec![]);
        expect(&answer(&results), &["has not measured W2 against bare epoll", "0 met"]);
        let better = sample::comparison("W2", YARDSTICK, VerdictKind::Valid);
        results.comparisons = vec![better.clone()];
        let parts = ["Yes: a message costs", "better in 1 of 1 ranked", "1 met, 0 missed"];
        expect(&answer(&results), &parts);
        let mut worse = better;
        let Outcome::Compared(report) = &mut worse.outcome else { unreachable!() };
        report.rounds.iter_mut().for_each(|round| std::mem::swap(&mut round.a, &mut round.b));
        results.comparisons = vec![worse];
        expect(&answer(&results), &["Nearly: ", "worse in 1;", "0 met, 1 missed"]);
        expect(&missed(&results), &["- **W2**, CPU per message at most 1.00 × bare epoll: 1.0"]);
    }

    #[test]
    fn the_table_and_the_picture_show_the_highlights() {
        let results =
            sample::results(vec![sample::comparison("W2", YARDSTICK, VerdictKind::Valid)]);
        let table = comparison(&results);
        expect(&table, &["| W2: CPU per message, 50 connections | **0.91** | – |"]);
        expect(&picture(&results).unwrap(), &["W2 CPU per message: bare epoll"]);
        assert_eq!(picture(&sample::results(vec![])), None);
    }
}
