use std::collections::VecDeque;

use super::*;
use crate::harness;
use crate::report::distribution::{Distribution, histogram};
use crate::report::run_report::Flood;

/// Two servers that are only figures. Most of the noise is the same for both sides of a round, and
/// makes rounds differ much more than the sides do. Each run has a little noise of its own.
struct Fake {
    random: fastrand::Rng,
    /// How much slower b is.
    slowdown: f64,
    /// How much slower everything gets from run to run.
    drift: f64,
    round_noise: (u64, f64),
    runs: Vec<(Side, u64)>,
    /// Verdicts of the next runs. Further runs are VALID.
    verdicts: VecDeque<VerdictKind>,
    fails_at: Option<usize>,
    interrupted_at: Option<usize>,
}

impl Fake {
    fn new(slowdown: f64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(11),
            slowdown,
            drift: 1.0,
            round_noise: (u64::MAX, 1.0),
            runs: vec![],
            verdicts: VecDeque::new(),
            fails_at: None,
            interrupted_at: None,
        }
    }

    fn measure(&mut self, side: Side, seed: u64) -> Result<Measured, String> {
        let number = self.runs.len();
        self.runs.push((side, seed));
        if self.fails_at == Some(number) {
            return Err("it ended".to_owned());
        }
        if self.round_noise.0 != seed {
            self.round_noise = (seed, 1.0 + self.random.f64());
        }
        let own = 1.0 + 0.01 * self.random.f64();
        let drift = self.drift.powi(i32::try_from(number).expect("few runs"));
        let slowness = self.round_noise.1 * own * drift;
        let factor = if side == Side::B { slowness * self.slowdown } else { slowness };
        let mut report = harness::closed_loop_of([1_000; 10]);
        report.service_time.p50_ns = to_ns(100_000.0 * factor);
        report.service_time.p99_ns = to_ns(1_000_000.0 * factor);
        report.service_time.p99_9_ns = to_ns(3_000_000.0 * factor);
        report.service_time.max_ns = to_ns(9_000_000.0 * factor);
        report.connect_time.p99_ns = to_ns(200_000.0 * factor);
        report.connect_time.max_ns = to_ns(400_000.0 * factor);
        report.throughput.messages_per_s = 50_000.0 / factor;
        report.interrupted = self.interrupted_at == Some(number);
        let kind = self.verdicts.pop_front().unwrap_or(VerdictKind::Valid);
        if kind != VerdictKind::Valid {
            report.verdict = Verdict { kind, reasons: vec!["thread 0 was busy".to_owned()] };
        }
        let server = ServerUse {
            cpu_per_message_ns: Some(2_000.0 * factor),
            memory_per_connection_bytes: None,
        };
        Ok(Measured { report, server: Some(server) })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the times are short")]
#[expect(clippy::cast_sign_loss, reason = "the times are positive")]
fn to_ns(ns: f64) -> u64 {
    ns as u64
}

fn run(fake: &mut Fake, settings: &Settings) -> CompareReport {
    compare(settings, "one", "other", |side, seed| fake.measure(side, seed)).expect("it warms up")
}

fn of(report: &CompareReport, metric: Metric) -> &Comparison {
    report.metrics.iter().find(|comparison| comparison.metric == metric).expect("all are compared")
}

fn fail_if(text: &str) -> FailIf {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_small_difference_is_shown_in_much_common_noise() {
    let report = run(&mut Fake::new(1.02), &Settings::default());
    assert_eq!(report.verdict.kind, VerdictKind::Valid);
    let p99 = of(&report, Metric::P99);
    let (ratio, interval) = (p99.ratio.expect("measured"), p99.interval.expect("ten rounds"));
    assert!((1.01..1.03).contains(&ratio), "{ratio}");
    assert!(interval.low > 1.0 && interval.low < ratio && ratio < interval.high, "{interval:?}");
    assert_eq!((p99.rounds, p99.difference), (10, Difference::Higher));
    assert!(p99.conclusion.starts_with("b is 2."), "{}", p99.conclusion);
    assert!(p99.conclusion.contains(" % slower at p99 [1."), "{}", p99.conclusion);
    assert!(p99.conclusion.ends_with("], p=0.002"), "{}", p99.conclusion);
    let throughput = of(&report, Metric::Throughput);
    assert_eq!(throughput.difference, Difference::Lower);
    assert!(throughput.conclusion.contains(" % less throughput [1."), "{}", throughput.conclusion);
    let cpu = of(&report, Metric::Cpu);
    assert!(cpu.conclusion.contains(" % more CPU per message ["), "{}", cpu.conclusion);
    assert!((cpu.b.expect("measured") / cpu.a.expect("measured") - ratio).abs() < 1e-3);
}

#[test]
fn the_slowest_and_the_connects_are_told_by_their_names() {
    let report = run(&mut Fake::new(1.10), &Settings::default());
    for (metric, told) in [
        (Metric::P999, " % slower at p99.9 ["),
        (Metric::Max, " % slower at max ["),
        (Metric::ConnectP99, " % slower at connect p99 ["),
        (Metric::ConnectMax, " % slower at connect max ["),
    ] {
        let comparison = of(&report, metric);
        assert!(comparison.conclusion.contains(told), "{comparison:?}");
    }
}

#[test]
fn a_flood_is_compared_where_there_is_one() {
    let settings =
        Settings { fail_if: vec![fail_if("flood-throughput<0.95")], ..Settings::default() };
    let report = run(&mut Fake::new(1.0), &settings);
    assert!(report.metrics.iter().all(|one| one.metric != Metric::FloodThroughput));
    let condition = &report.conditions[0];
    assert_eq!(condition.measured, "it was not compared");
    assert!(!condition.judged && !condition.broken);

    let mut fake = Fake::new(1.0);
    let report = compare(&settings, "one", "other", |side, seed| {
        let mut measured = fake.measure(side, seed)?;
        let (load, flood) = (harness::example().load, harness::example().flood);
        let slowdown = if side == Side::B { 2.0 } else { 1.0 };
        measured.report.load.flood = load.flood;
        measured.report.flood =
            flood.map(|flood| Flood { bytes_per_s: flood.bytes_per_s / slowdown, ..flood });
        Ok(measured)
    });
    let mut report = report.expect("it warms up");
    let flood = of(&report, Metric::FloodThroughput);
    assert!(!flood.conclusion.contains("limit"), "{}", flood.conclusion);
    assert_eq!(flood.difference, Difference::Lower);
    let told = "b has 50.0 % less throughput of the flood [";
    assert!(flood.conclusion.starts_with(told), "{}", flood.conclusion);
    assert!(report.to_string().contains("655 MB/s"), "{report}");
    assert!(report.is_broken());

    report.rounds[3].b.flood_busy = Some(0.96);
    let flood = Comparison::new(Metric::FloodThroughput, &report.rounds, 1);
    let told = "; the load tester may have been the limit in 1 of 10 rounds";
    assert!(flood.conclusion.ends_with(told), "{}", flood.conclusion);
    let p99 = Comparison::new(Metric::P99, &report.rounds, 1);
    assert!(!p99.conclusion.contains("limit"), "{}", p99.conclusion);
}

#[test]
fn messages_without_a_stamp_are_told_of_each_run() {
    let mut fake = Fake::new(1.0);
    let report = compare(&Settings::default(), "one", "other", |side, seed| {
        let mut measured = fake.measure(side, seed)?;
        measured.report.load.kernel_timestamps = true;
        measured.report.generator.without_stamp = Some(if side == Side::A { 1_000 } else { 2 });
        Ok(measured)
    });
    let report = report.expect("it warms up");
    let round = &report.rounds[0];
    assert_eq!((round.a.without_stamp, round.b.without_stamp), (Some(1_000), Some(2)));
    let told = "\ntimes end when the kernel received the message; 10,020 messages without a timestamp \
                count as received when they were read\n";
    assert!(report.to_string().contains(told), "{report}");
    let report = run(&mut Fake::new(1.0), &Settings::default());
    assert!(!report.to_string().contains("the system received"), "{report}");
}

#[test]
fn where_no_connect_counts_nothing_is_known_of_connects() {
    let mut fake = Fake::new(1.0);
    let report = compare(&Settings::default(), "one", "other", |side, seed| {
        let mut measured = fake.measure(side, seed)?;
        measured.report.connect_time = Distribution::new(&histogram());
        Ok(measured)
    });
    let report = report.expect("it warms up");
    for metric in [Metric::ConnectP99, Metric::ConnectMax] {
        assert_eq!(of(&report, metric).difference, Difference::Unknown);
    }
}

#[test]
fn equals_show_no_difference() {
    let report = run(&mut Fake::new(1.0), &Settings::default());
    for metric in [Metric::Throughput, Metric::P50, Metric::P99, Metric::Cpu] {
        let comparison = of(&report, metric);
        assert_eq!(comparison.difference, Difference::NotShown, "{comparison:?}");
        assert!(comparison.conclusion.starts_with("no difference shown "), "{comparison:?}");
    }
}

#[test]
fn what_gets_slower_all_the_time_favours_neither() {
    let mut fake = Fake::new(1.0);
    fake.drift = 1.05;
    let report = run(&mut fake, &Settings::default());
    assert_eq!(of(&report, Metric::P99).difference, Difference::NotShown);
    // The first run of a pair always had an advantage of 5 %, and each side was first five times.
    let ratio = of(&report, Metric::P99).ratio.expect("measured");
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
}

#[test]
fn both_warm_up_and_take_turns_at_being_first() {
    let mut fake = Fake::new(1.0);
    run(&mut fake, &Settings { rounds: 4, seed: 100, ..Settings::default() });
    let order: String = fake.runs.iter().map(|(side, _)| side.to_string()).collect();
    assert_eq!(order, "ababbaabba");
    let seeds: Vec<u64> = fake.runs.iter().map(|(_, seed)| *seed).collect();
    assert_eq!(seeds, [100, 100, 101, 101, 102, 102, 103, 103, 104, 104]);
}

#[test]
fn too_few_rounds_show_nothing() {
    let settings = Settings { rounds: 5, fail_if: vec![fail_if("p99>1")], ..Settings::default() };
    let report = run(&mut Fake::new(2.0), &settings);
    let p99 = of(&report, Metric::P99);
    assert_eq!(p99.difference, Difference::NotShown);
    assert_eq!(p99.conclusion, "no difference shown at p99: it takes at least 6 rounds");
    assert!(!report.conditions[0].judged && !report.is_broken());
    assert!(report.to_string().contains("fail if p99>1: NOT JUDGED"), "{report}");
}

#[test]
fn a_round_that_is_not_valid_is_marked_and_measured_again() {
    let mut fake = Fake::new(1.0);
    fake.verdicts = [VerdictKind::Valid; 3].into();
    fake.verdicts.push_back(VerdictKind::GeneratorLimited);
    let report = run(&mut fake, &Settings::default());
    let first = &report.rounds[0];
    assert_eq!((first.number, first.attempt, first.used), (1, 1, false));
    assert_eq!(first.b.verdict.kind, VerdictKind::GeneratorLimited);
    let again = &report.rounds[1];
    assert_eq!((again.number, again.attempt, again.used), (1, 2, true));
    assert_eq!(report.rounds.len(), 11);
    assert_eq!((report.verdict.kind, of(&report, Metric::P50).rounds), (VerdictKind::Valid, 10));
    assert!(report.to_string().contains("10 rounds count, 1 left out as GENERATOR-LIMITED"));
}

#[test]
fn when_too_many_are_not_valid_the_comparison_is_not_either() {
    let mut fake = Fake::new(1.0);
    fake.verdicts = [VerdictKind::GeneratorLimited; 1_000].into();
    let settings = Settings { rounds: 8, max_repeats: 3, ..Settings::default() };
    let report = run(&mut fake, &settings);
    assert_eq!(report.rounds.len(), 8 + 3);
    assert_eq!(report.verdict.kind, VerdictKind::GeneratorLimited);
    assert_eq!(report.verdict.reasons, ["0 of 8 rounds count", "thread 0 was busy"]);
    let p99 = of(&report, Metric::P99);
    assert_eq!((p99.difference, p99.ratio), (Difference::Unknown, None));
    assert_eq!(p99.conclusion, "nothing is known at p99: no round counts");
    let shown = report.to_string();
    assert_eq!(shown.matches("nothing is known").count(), 1, "{shown}");
    assert!(shown.contains("\nnothing is known: no round counts\n"), "{shown}");
}

#[test]
fn a_figure_that_was_not_measured_is_not_compared() {
    let report = run(&mut Fake::new(1.0), &Settings::default());
    let memory = of(&report, Metric::Memory);
    assert_eq!(memory.difference, Difference::Unknown);
    let conclusion =
        "nothing is known in memory per connection: it was zero or not measured in 10 of 10 rounds";
    assert_eq!(memory.conclusion, conclusion);
}

#[test]
fn a_run_that_fails_or_is_stopped_leaves_the_rounds_before() {
    let mut fake = Fake::new(2.0);
    fake.fails_at = Some(2 + 7 * 2);
    let report = run(&mut fake, &Settings::default());
    assert_eq!((report.rounds.len(), report.verdict.kind), (7, VerdictKind::Incomplete));
    assert_eq!(report.verdict.reasons, ["7 of 10 rounds count", "stopped in round 8: b: it ended"]);
    assert_eq!(of(&report, Metric::P99).difference, Difference::Higher);

    let mut fake = Fake::new(2.0);
    fake.interrupted_at = Some(2 + 3 * 2 + 1);
    let report = run(&mut fake, &Settings::default());
    assert!(report.interrupted);
    assert_eq!(report.rounds.len(), 3);
    assert_eq!(report.verdict.reasons, ["3 of 10 rounds count", "stopped by a signal"]);

    let mut fake = Fake::new(2.0);
    fake.interrupted_at = Some(1);
    let report = run(&mut fake, &Settings::default());
    assert!(report.interrupted && report.rounds.is_empty() && fake.runs.len() == 2);

    let mut fake = Fake::new(2.0);
    fake.fails_at = Some(1);
    let outcome =
        compare(&Settings::default(), "one", "other", |side, seed| fake.measure(side, seed));
    assert_eq!(outcome, Err("warm up b: it ended".to_owned()));
}

#[test]
fn it_fails_only_when_a_difference_is_shown_and_beyond() {
    for (slowdown, text, broken) in [
        (1.10, "p99>1.05", true),
        (1.02, "p99>1.05", false),
        (1.02, "p99>1.0", true),
        (1.0, "p99>1", false),
        (1.0, "p99>=1", false),
        (0.5, "p99>1.05", false),
        (1.10, "throughput<0.95", true),
        (1.10, "throughput<=0.8", false),
        (1.10, "cpu>1.05", true),
        (1.10, "p99.9>1.05", true),
        (1.02, "p99.9>1.05", false),
        (1.10, "max>1.05", true),
        (1.10, "connect-p99>1.05", true),
        (1.10, "connect-max>1.05", true),
        (0.5, "connect-max>1.05", false),
    ] {
        let settings = Settings { fail_if: vec![fail_if(text)], ..Settings::default() };
        let report = run(&mut Fake::new(slowdown), &settings);
        assert_eq!(report.is_broken(), broken, "{slowdown} {:?}", report.conditions);
        assert!(report.conditions[0].judged);
    }
    let settings = Settings { fail_if: vec![fail_if("memory>1.05")], ..Settings::default() };
    let report = run(&mut Fake::new(2.0), &settings);
    assert!(!report.is_broken() && !report.conditions[0].judged, "{:?}", report.conditions);
}

#[test]
fn a_condition_that_makes_no_sense_is_refused_with_a_sentence() {
    for (text, part) in [
        ("", "expected a metric"),
        ("p99", "expected a metric"),
        ("p99>", "expected a metric"),
        ("p99>0", "expected a metric"),
        ("p99>5%", "expected a metric"),
        ("p99>0.9", "a limit below 1 needs <"),
        ("throughput<1.1", "a limit above 1 needs >"),
        ("p90>1.1", "no metric is called \"p90\": expected one of throughput, p50"),
    ] {
        let error = text.parse::<FailIf>().expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    assert_eq!(fail_if(" p99 > 1.05 ").to_string(), "p99 > 1.05");
}

#[test]
fn the_report_is_read_back_as_it_was_written_and_shown_as_a_table() {
    let settings = Settings { fail_if: vec![fail_if("p99>1.05")], ..Settings::default() };
    let report = run(&mut Fake::new(1.1), &settings);
    let text = serde_json::to_string(&report).expect("it is plain data");
    assert!(text.contains("\"format\":\"echo-loadtest/compare/1\""));
    assert_eq!(serde_json::from_str::<CompareReport>(&text).expect("it was written here"), report);
    let shown = report.to_string();
    assert!(shown.starts_with("a: one\nb: other\n") && shown.ends_with("\nVALID\n"), "{shown}");
    for part in ["│ throughput ", "│ CPU per message ", "fail if p99>1.05: FAILED; 1.1"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}
