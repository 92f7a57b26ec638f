use std::cell::RefCell;

use super::*;
use crate::harness;
use crate::report::run_report::Verdict;

/// Returns a run at this rate with this 99th percentile.
fn round_trip(rate: f64, p99_ns: f64) -> RunReport {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    #[expect(clippy::cast_sign_loss, reason = "the time is positive")]
    let ns = (p99_ns as u64).clamp(1, 50_000_000_000);
    let mut report = harness::open_loop_of(rate, [ns / 2 + 1; 98].into_iter().chain([ns; 2]));
    report.throughput.messages_per_s = rate;
    report
}

fn not_valid(kind: VerdictKind, rate: f64) -> RunReport {
    RunReport { verdict: Verdict { kind, reasons: vec!["so".to_owned()] }, ..round_trip(rate, 1e3) }
}

/// Returns the 99th percentile of a single server with random arrivals and service times. It takes 20
/// µs on average, so it can serve at most 50,000 messages a second. p99 is ln 100 / (50,000 - rate).
fn single_server(rate: f64) -> f64 {
    let spare = 50_000.0 - rate;
    if spare > 0.0 { 100_f64.ln() / spare * 1e9 } else { 30e9 }
}

fn p99_below_1ms() -> [Slo; 1] {
    ["p99<1ms".parse().expect("an objective")]
}

fn run(
    settings: &Settings,
    measure: impl FnMut(f64) -> Result<RunReport, String>,
) -> CapacityReport {
    find(settings, &p99_below_1ms(), measure).expect("the first round is measured")
}

/// The rate at which the 99th percentile of [`single_server`] is 1 ms.
const TRUE_CAPACITY: f64 = 50_000.0 - 4_605.17;

#[track_caller]
fn assert_bracket(report: &CapacityReport, truth: f64) {
    let (held, broke) = (report.held.as_ref(), report.broke.as_ref());
    let (held, broke) = (held.expect("some rate holds"), broke.expect("some rate breaks"));
    assert!(held.rate < truth && truth <= broke.rate, "{held:?} {broke:?}");
    assert!(broke.rate / held.rate <= 1.05, "{held:?} {broke:?}");
    assert_eq!(report.capacity, Some(held.rate));
}

#[test]
fn the_knee_of_a_queue_is_found_and_confirmed() {
    let report = run(&Settings::default(), |rate| Ok(round_trip(rate, single_server(rate))));
    assert_eq!(report.ending, Ending::Found);
    assert_bracket(&report, TRUE_CAPACITY);
    let held = report.held.as_ref().expect("it was found");
    assert_eq!((held.held, held.rounds), (5, 5));
    assert!((held.chance_low - 0.5655).abs() < 1e-3 && held.chance_high > 0.999, "{held:?}");
    assert!(report.rounds.len() <= 20, "{} rounds", report.rounds.len());
    assert!(report.conclusion.starts_with("capacity 4"), "{}", report.conclusion);
    let words = "held in 5 of 5 rounds (57 to 100 % of all, at 95 % confidence)";
    assert!(report.conclusion.contains(words), "{}", report.conclusion);
}

#[test]
fn a_start_above_the_capacity_goes_down_first() {
    let settings = Settings { start_rate: 1e6, ..Settings::default() };
    let report = run(&settings, |rate| Ok(round_trip(rate, single_server(rate))));
    assert_eq!(report.ending, Ending::Found);
    assert_bracket(&report, TRUE_CAPACITY);
}

#[test]
fn a_cliff_is_found() {
    let report = run(&Settings::default(), |rate| {
        Ok(round_trip(rate, if rate < 7_777.0 { 50_000.0 } else { 20e9 }))
    });
    assert_eq!(report.ending, Ending::Found);
    assert_bracket(&report, 7_777.0);
}

/// Each round is off by up to 30 % either way, and one in fifty is disturbed. Two disturbances at one
/// rate make the rate break, so that a search sometimes finds too little. It never finds too much.
#[test]
fn the_knee_of_a_noisy_server_is_found() {
    const SEEDS: u64 = 200;
    let mut near = 0;
    for seed in 0..SEEDS {
        let mut random = fastrand::Rng::with_seed(seed);
        let report = run(&Settings::default(), |rate| {
            let hiccup = if random.f64() < 0.02 { 100.0 } else { 1.0 };
            let noise = 0.7 + 0.6 * random.f64();
            Ok(round_trip(rate, single_server(rate) * noise * hiccup))
        });
        assert_eq!(report.ending, Ending::Found, "seed {seed}");
        let held = report.held.as_ref().expect("it was found");
        assert!(held.rate < 1.03 * TRUE_CAPACITY, "seed {seed}: {held:?}");
        assert!(held.rounds >= 5 && held.held * 5 >= held.rounds * 4, "seed {seed}: {held:?}");
        let broke = report.broke.as_ref().expect("it was found");
        assert!(broke.rate / held.rate <= 1.05 && broke.rounds >= 2, "seed {seed}: {broke:?}");
        near += u64::from(held.rate > 0.9 * TRUE_CAPACITY);
    }
    assert!(near * 20 >= SEEDS * 19, "near the truth from {near} of {SEEDS} seeds");
}

/// A bad round far below the capacity is corrected when its rate is confirmed.
#[test]
fn a_stroke_of_bad_luck_is_corrected() {
    let bad = RefCell::new(Some(()));
    let report = run(&Settings::default(), |rate| {
        let is_bad = rate > 3_000.0 && bad.borrow_mut().take().is_some();
        Ok(round_trip(rate, if is_bad { 30e9 } else { single_server(rate) }))
    });
    assert_eq!(report.ending, Ending::Found);
    assert_bracket(&report, TRUE_CAPACITY);
}

#[test]
fn a_server_that_never_meets_them_has_no_capacity() {
    let settings = Settings { min_rate: 100.0, ..Settings::default() };
    let report = run(&settings, |rate| Ok(round_trip(rate, 5e6)));
    assert_eq!((&report.ending, report.capacity, &report.held), (&Ending::NoRateHeld, None, &None));
    assert_eq!(report.rounds.last().map(|round| round.rate_asked), Some(100.0));
    let wanted = "no rate is known to hold: 100/s held in 0 of 2 rounds (0 to 66 % of all, at 95 % confidence); \
                  no lower rate may be tried";
    assert_eq!(report.conclusion, wanted);
}

#[test]
fn a_server_that_always_meets_them_has_at_least_the_highest_rate() {
    let settings = Settings { max_rate: 10_000.0, ..Settings::default() };
    let report = run(&settings, |rate| Ok(round_trip(rate, 5e3)));
    assert_eq!((report.ending, report.capacity), (Ending::HighestRateHeld, Some(10_000.0)));
    assert_eq!(report.held.map(|knee| knee.rounds), Some(5));
    assert!(report.conclusion.starts_with("capacity at least 10,000/s: "), "{}", report.conclusion);
    assert!(report.conclusion.ends_with("; no higher rate may be tried"), "{}", report.conclusion);
}

#[test]
fn what_the_generator_cannot_ask_for_is_told_as_at_least() {
    let report = run(&Settings::default(), |rate| {
        Ok(if rate <= 6_000.0 {
            round_trip(rate, 5e3)
        } else {
            not_valid(VerdictKind::GeneratorLimited, rate)
        })
    });
    assert_eq!(report.ending, Ending::GeneratorLimited);
    assert_bracket(&report, 6_000.01);
    assert!(report.broke.as_ref().is_some_and(|knee| knee.generator_limited && knee.rounds == 0));
    assert!(report.conclusion.starts_with("capacity at least 5,"), "{}", report.conclusion);
    assert!(
        report.conclusion.contains("; the load tester cannot reach 6,"),
        "{}",
        report.conclusion
    );
}

#[test]
fn a_generator_that_can_ask_for_nothing_finds_nothing() {
    let report =
        run(&Settings::default(), |rate| Ok(not_valid(VerdictKind::GeneratorLimited, rate)));
    assert_eq!((report.ending, report.capacity), (Ending::GeneratorLimited, None));
    assert_eq!(report.conclusion, "no rate is known to hold; the load tester cannot reach 10/s");
}

#[test]
fn a_round_that_is_not_valid_is_left_out_and_measured_again() {
    let mut count = 0;
    let report = run(&Settings::default(), |rate| {
        count += 1;
        let is_lost = count % 3 == 1;
        Ok(if is_lost {
            not_valid(VerdictKind::GeneratorLimited, rate)
        } else {
            round_trip(rate, single_server(rate))
        })
    });
    assert_eq!(report.ending, Ending::Found);
    assert_bracket(&report, TRUE_CAPACITY);
    let (first, second) = (&report.rounds[0], &report.rounds[1]);
    assert!(!first.used && second.used && (first.rate_asked - second.rate_asked).abs() < 1e-9);
}

#[test]
fn a_server_that_never_takes_the_whole_load_breaks_unless_our_own_system_refused() {
    let incomplete_from = |limit: f64, local: u64| {
        run(&Settings::default(), |rate| {
            let mut report = not_valid(VerdictKind::Incomplete, rate);
            report.errors.local = local;
            Ok(if rate < limit { round_trip(rate, 5e3) } else { report })
        })
    };
    let report = incomplete_from(3_000.0, 0);
    assert_eq!(report.ending, Ending::Found);
    assert_bracket(&report, 3_000.0);
    assert_eq!(incomplete_from(3_000.0, 1).ending, Ending::GeneratorLimited);
}

#[test]
fn the_rounds_are_limited_and_it_says_that_nothing_is_confirmed() {
    let settings = Settings { max_rounds: 7, ..Settings::default() };
    let report = run(&settings, |rate| Ok(round_trip(rate, single_server(rate))));
    assert_eq!((&report.ending, report.rounds.len()), (&Ending::RoundsUsedUp, 7));
    assert!(report.conclusion.ends_with("; not confirmed: the 7 rounds are used up"));
    let settings = Settings { max_rounds: 2, ..Settings::default() };
    let report = run(&settings, |rate| Ok(not_valid(VerdictKind::Incomplete, rate)));
    assert_eq!((report.ending, report.rounds.len()), (Ending::RoundsUsedUp, 2));
}

#[test]
fn a_run_that_fails_or_is_stopped_leaves_what_was_found() {
    let mut count = 0;
    let report = run(&Settings::default(), |rate| {
        count += 1;
        if count < 4 { Ok(round_trip(rate, 5e3)) } else { Err("it ended".to_owned()) }
    });
    assert_eq!(report.ending, Ending::Failed { error: "it ended".to_owned() });
    assert_eq!((report.capacity, report.rounds.len()), (Some(4_000.0), 3));
    assert!(report.conclusion.ends_with("; not confirmed: it ended"), "{}", report.conclusion);

    let report = run(&Settings::default(), |rate| {
        Ok(RunReport { interrupted: rate > 3_000.0, ..round_trip(rate, 5e3) })
    });
    assert!(report.interrupted);
    assert_eq!((report.ending, report.capacity), (Ending::Interrupted, Some(2_000.0)));

    let failed = find(&Settings::default(), &p99_below_1ms(), |_| Err("refused".to_owned()));
    assert_eq!(failed, Err("refused".to_owned()));
}

#[test]
fn the_report_is_read_back_as_it_was_written_and_shown_as_a_curve() {
    let report = run(&Settings::default(), |rate| Ok(round_trip(rate, single_server(rate))));
    let text = serde_json::to_string(&report).expect("it is plain data");
    assert!(text.contains("\"format\":\"echo-loadtest/capacity/1\""));
    assert_eq!(serde_json::from_str::<CapacityReport>(&text).expect("it was written here"), report);
    let shown = report.to_string();
    assert!(shown.starts_with("127.0.0.1:9000 has to meet p99<1ms\n"), "{shown}");
    assert_eq!(shown.matches("◀ capacity").count(), 1, "{shown}");
    assert!(shown.contains("5 of 5") && shown.ends_with(&format!("{}\n", report.conclusion)));
}
