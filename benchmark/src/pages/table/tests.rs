//! Tests of tables on made-up results.

use echo_loadtest::compare::Side;

use super::*;
use crate::findings::outcome::Failure;
use crate::sample;
use crate::sample::expect;
use crate::workload::ALL;

fn named(name: &str) -> &'static Workload {
    ALL.iter().find(|workload| workload.name() == name).unwrap()
}

/// Returns the text of a workload with these comparisons.
fn text(name: &str, comparisons: Vec<Comparison>) -> String {
    workload(&sample::results(comparisons), named(name))
}

fn unpinned(comparisons: Vec<Comparison>) -> Results {
    Results::new(sample::header(Setting::Unpinned), comparisons)
}

#[test]
fn a_workload_has_flags_bars_and_a_table_by_strength() {
    let comparisons = vec![
        sample::comparison("W2", "bare epoll", VerdictKind::Valid),
        sample::comparison("W2", "Go", VerdictKind::GeneratorLimited),
    ];
    let text = text("W2", comparisons);
    let parts = [
        "**W2: 50 connections",
        "`loadtest compare … --threads 1 --pin-server 0 --pin-client 1 --connections 50 --size 128`.",
        "- CPU per message at most 1.00 × bare epoll: **met**; 0.9",
        "| bare epoll | 5.00 µs ±0.0 % → 4.5",
        " % | ",
        "| **0.9",
        "generator-limited",
    ];
    expect(&text, &parts);
}

#[test]
fn a_table_that_ranks_nothing_is_a_sentence_unless_a_bar_refers_to_it() {
    let limited = sample::comparison("W10", "Go", VerdictKind::GeneratorLimited);
    let folded = workload(&unpinned(vec![limited.clone()]), named("W10"));
    expect(&folded, &["limit in all 1 comparisons"]);
    assert!(!folded.contains("| Go |"), "{folded}");
    let ranked = sample::comparison("W10", "Node", VerdictKind::Valid);
    let both = workload(&unpinned(vec![limited.clone(), ranked]), named("W10"));
    expect(&both, &["| Go |", "| Node |"]);
    expect(&text("W10", vec![limited]), &["| Go |"]);
}

#[test]
fn bars_are_judged_in_the_pinned_setting_only() {
    let comparison = sample::comparison("W2", "bare epoll", VerdictKind::Valid);
    assert_eq!(judged(&sample::results(vec![comparison.clone()]), named("W2")).len(), 1);
    assert!(judged(&unpinned(vec![comparison]), named("W2")).is_empty());
}

#[test]
fn a_bound_is_shown() {
    let mut comparison = sample::comparison("W2", "Node", VerdictKind::GeneratorLimited);
    let Outcome::Compared(report) = &mut comparison.outcome else { unreachable!() };
    report.load.rate = None;
    report.rounds.iter_mut().for_each(|round| round.a.verdict.kind = VerdictKind::Valid);
    expect(&text("W2", vec![comparison]), &["/s ±", "| ≥ 1.", "generator-limited |"]);
}

#[test]
fn the_flags_are_those_of_the_results() {
    let mut comparison = sample::comparison("W2", "Node", VerdictKind::Valid);
    let Outcome::Compared(report) = &mut comparison.outcome else { unreachable!() };
    report.command.push("--depth=2".to_owned());
    report.b.push_str("--pin-workers");
    let parts = ["--size 128 --depth=2`.", "Our server has `--pin-workers`."];
    expect(&text("W2", vec![comparison]), &parts);
}

#[test]
fn missing_failed_and_disturbed_comparisons_are_named() {
    expect(&text("W4", vec![]), &["Not measured in this run.", "not judged"]);
    let mut failed = sample::comparison("W4", "Go", VerdictKind::Valid);
    let why = "warm up a: no | luck\nat all".to_owned();
    failed.outcome = Outcome::Failed(Failure { side: Some(Side::A), why });
    failed.conditions.others_cpus = 0.4;
    let parts = [
        "| Go | – | failed |",
        "| warm up a: no / luck at all; disturbed: others used 0.40 CPUs |",
    ];
    expect(&text("W4", vec![failed]), &parts);
}

#[test]
fn an_unfinished_comparison_says_why() {
    let mut report = sample::report(10, VerdictKind::Valid);
    report.rounds.truncate(7);
    report.rounds[0].a.errors = 1;
    report.verdict.kind = VerdictKind::Incomplete;
    report.verdict.reasons = vec!["7 of 10 rounds count".into(), "stopped in round 8".into()];
    let troubles = troubles(&report);
    assert_eq!(troubles, ["1 error", "7 of 10 rounds count", "stopped in round 8"]);
}
