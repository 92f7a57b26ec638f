//! Tests of findings on made-up reports.

use echo_loadtest::compare::CompareReport;

use super::*;
use crate::sample;

fn means(finding: &Finding) -> (Option<f64>, Option<f64>) {
    (finding.theirs.map(|figure| figure.mean), finding.ours.map(|figure| figure.mean))
}

#[test]
fn a_finding_of_valid_rounds_equals_the_report() {
    let report = sample::report(10, VerdictKind::Valid);
    for name in ["cpu", "p99", "throughput"] {
        let finding = Finding::new(&Outcome::Compared(Box::new(report.clone())), name);
        let said = report.metrics.iter().find(|said| said.metric.name() == name).unwrap();
        assert_eq!(means(&finding), (said.a, said.b), "{name}");
        let estimate = finding.estimate.unwrap();
        assert_eq!(Some(estimate.ratio), said.ratio);
        let interval = said.interval.map(|bounds| (bounds.low, bounds.high));
        assert_eq!(estimate.interval, interval);
        assert_eq!((finding.unfit, finding.rounds), (None, 10));
    }
}

#[test]
fn only_costs_count_if_the_load_tester_was_the_limit() {
    let mut report = sample::report(10, VerdictKind::GeneratorLimited);
    for round in &mut report.rounds[1..] {
        round.b.verdict.kind = VerdictKind::GeneratorLimited;
    }
    report.rounds[0].b.verdict.kind = VerdictKind::Valid;
    let outcome = Outcome::Compared(Box::new(report));
    let cost = Finding::new(&outcome, "cpu");
    assert!(cost.estimate.is_some() && cost.unfit.is_none() && cost.rounds == 10);
    let time = Finding::new(&outcome, "p99");
    assert_eq!(time.unfit, Some(Unfit::Limited(None)));
    assert!(time.estimate.is_none() && time.ours.is_some() && time.rounds == 0);
    assert_eq!((time.our_rounds.len(), time.our_limited_rounds.len()), (1, 9));
}

#[test]
fn kernel_times_depend_on_the_load_tester_only_in_an_open_loop() {
    let mut report = sample::report(10, VerdictKind::GeneratorLimited);
    report.load.kernel_timestamps = true;
    report.load.rate = Some(40_000.0);
    let outcome = Outcome::Compared(Box::new(report.clone()));
    assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited(None)));
    report.load.rate = None;
    let outcome = Outcome::Compared(Box::new(report.clone()));
    assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited(None)), "no timestamps");
    for side in report.rounds.iter_mut().flat_map(|round| [&mut round.a, &mut round.b]) {
        side.without_stamp = Some(0);
    }
    let outcome = Outcome::Compared(Box::new(report.clone()));
    let time = Finding::new(&outcome, "p99");
    assert!(time.estimate.is_some() && time.unfit.is_none() && time.rounds == 10);
    assert_eq!(Finding::new(&outcome, "throughput").unfit, Some(Unfit::Limited(None)));
    for round in &mut report.rounds {
        round.b.without_stamp = Some(round.b.messages);
    }
    let outcome = Outcome::Compared(Box::new(report));
    assert_eq!(Finding::new(&outcome, "p99").unfit, Some(Unfit::Limited(None)));
}

/// What is known of a metric when the load tester was the limit beside these sides in each round; of
/// p99 in an open loop.
fn limited(name: &str, is_limited: impl Fn(usize) -> (bool, bool)) -> Option<Unfit> {
    let mut report = sample::report(10, VerdictKind::GeneratorLimited);
    report.load.rate = (name == "p99").then_some(40_000.0);
    for (index, round) in report.rounds.iter_mut().enumerate() {
        let kind = |is_limited| match is_limited {
            true => VerdictKind::GeneratorLimited,
            false => VerdictKind::Valid,
        };
        let (theirs, ours) = is_limited(index);
        (round.a.verdict.kind, round.b.verdict.kind) = (kind(theirs), kind(ours));
    }
    let finding = Finding::new(&Outcome::Compared(Box::new(report)), name);
    assert_eq!(finding.estimate, None);
    finding.unfit
}

#[test]
fn a_ratio_has_a_bound_if_one_side_was_not_limited() {
    let valid = Outcome::Compared(Box::new(sample::report(10, VerdictKind::Valid)));
    for (name, is_limited, is_least) in [
        ("throughput", (false, true), true),
        ("throughput", (true, false), false),
        ("p99", (false, true), false),
        ("p99", (true, false), true),
    ] {
        let (low, high) = Finding::new(&valid, name).estimate.unwrap().interval.unwrap();
        let expected = if is_least { Bound::AtLeast(low) } else { Bound::AtMost(high) };
        let unfit = Some(Unfit::Limited(Some(expected)));
        assert_eq!(limited(name, |_| is_limited), unfit, "{name} {is_limited:?}");
    }
    let but_for = |count| move |index: usize| (index < count, true);
    let known = limited("throughput", but_for(1));
    assert!(matches!(known, Some(Unfit::Limited(Some(Bound::AtLeast(_))))), "{known:?}");
    let unknown = Some(Unfit::Limited(None));
    assert_eq!(limited("throughput", but_for(2)), unknown, "too few rounds");
    assert_eq!(limited("p99", but_for(10)), unknown);
}

/// Beside the peer the load tester was fast enough in all rounds, beside our server in none.
#[test]
fn times_of_a_closed_loop_and_of_connects_have_no_bound() {
    for (name, rate) in [("p99", None), ("connect-p99", Some(3_000.0))] {
        let mut report = sample::report(10, VerdictKind::GeneratorLimited);
        report.load.rate = rate;
        for round in &mut report.rounds {
            round.a.verdict.kind = VerdictKind::Valid;
        }
        let finding = Finding::new(&Outcome::Compared(Box::new(report)), name);
        assert_eq!(finding.unfit, Some(Unfit::Limited(None)), "{name}");
    }
}

#[test]
fn incomplete_rounds_and_errors_give_no_bound() {
    let mut report = sample::report(10, VerdictKind::GeneratorLimited);
    report.load.rate = None;
    for round in &mut report.rounds {
        round.a.verdict.kind = VerdictKind::Valid;
    }
    let unfit = |report: &CompareReport| {
        Finding::new(&Outcome::Compared(Box::new(report.clone())), "throughput").unfit
    };
    assert!(matches!(unfit(&report), Some(Unfit::Limited(Some(_)))));
    for round in &mut report.rounds[..2] {
        round.b.errors = 1;
    }
    assert_eq!(unfit(&report), Some(Unfit::Limited(None)));
    report.rounds[0].b.verdict.kind = VerdictKind::Incomplete;
    assert_eq!(unfit(&report), Some(Unfit::Unknown("incomplete".to_owned())));
}

#[test]
fn a_flood_with_a_busy_thread_is_generator_limited() {
    let mut report = sample::report(10, VerdictKind::Valid);
    for side in report.rounds.iter_mut().flat_map(|round| [&mut round.a, &mut round.b]) {
        (side.flood_bytes_per_s, side.flood_busy) = (Some(1e9), Some(0.9));
    }
    let mut find = |busy_in: usize| {
        for round in &mut report.rounds[..busy_in] {
            round.b.flood_busy = Some(0.96);
        }
        let outcome = Outcome::Compared(Box::new(report.clone()));
        assert!(Finding::new(&outcome, "p99").estimate.is_some());
        Finding::new(&outcome, "flood-throughput")
    };
    for busy_in in [0, 1] {
        let finding = find(busy_in);
        assert!(finding.estimate.is_some() && finding.rounds == 10, "{finding:?}");
    }
    let finding = find(2);
    let bound = Some(Bound::AtLeast(1.0));
    assert_eq!((finding.estimate, finding.unfit), (None, Some(Unfit::Limited(bound))));
    assert_eq!(find(10).unfit, Some(Unfit::Limited(bound)));
}

#[test]
fn incomplete_rounds_do_not_count() {
    let outcome = Outcome::Compared(Box::new(sample::report(10, VerdictKind::Incomplete)));
    for name in ["cpu", "p99"] {
        let finding = Finding::new(&outcome, name);
        assert_eq!(finding.unfit, Some(Unfit::Unknown("incomplete".to_owned())), "{name}");
    }
}

#[test]
fn a_failure_counts_against_the_peer_only_if_our_server_has_none() {
    let mut report = sample::report(10, VerdictKind::Incomplete);
    for round in &mut report.rounds {
        round.b.verdict.kind = VerdictKind::Valid;
    }
    let finding = Finding::new(&Outcome::Compared(Box::new(report)), "p99");
    assert_eq!(finding.unfit, Some(Unfit::Theirs("incomplete")));
    for (side, unfit) in [
        (Some(Side::A), Unfit::Theirs("failed")),
        (Some(Side::B), Unfit::Unknown("failed".to_owned())),
        (None, Unfit::Unknown("failed".to_owned())),
    ] {
        let failure = Failure { side, why: "no luck".to_owned() };
        assert_eq!(Finding::new(&Outcome::Failed(failure), "p99").unfit, Some(unfit));
    }
}

#[test]
fn there_is_no_ratio_if_a_round_lacks_a_figure() {
    let mut report: CompareReport = sample::report(10, VerdictKind::Valid);
    report.rounds[3].a.cpu_per_message_ns = None;
    let finding = Finding::new(&Outcome::Compared(Box::new(report)), "cpu");
    let why = "zero or not measured in 1 of 10 rounds".to_owned();
    assert_eq!(finding.unfit, Some(Unfit::Unknown(why)));
    assert_eq!(finding.estimate, None);
}

#[test]
fn figures_of_zero_are_kept_without_a_ratio() {
    let finding = Finding::of_pairs(&[(8.0, 0.0), (2.0, 0.0)], 1);
    assert_eq!(means(&finding), (Some(4.0), Some(0.0)));
    assert_eq!((finding.estimate, finding.unfit), (None, None));
}
