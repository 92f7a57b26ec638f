use echo_tests::reports;
use fastrand::Rng;
use hdrhistogram::Histogram;

use super::*;
use crate::harness;
use crate::report::distribution::{self, Distribution};
use crate::report::run_report::{Counts, Errors, GeneratorThread, Interval, Objective};

/// The variable that repeats a run, if it is set to a seed that was printed.
const SEED_VARIABLE: &str = "ECHO_TEST_SEED";

fn random() -> Rng {
    let seed = std::env::var(SEED_VARIABLE)
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    // This is shown if the test fails.
    #[expect(clippy::print_stderr, reason = "the skipped test is named")]
    {
        eprintln!("{SEED_VARIABLE}={seed}");
    }
    Rng::with_seed(seed)
}

fn part(index: u32, count: u32) -> Part {
    let mut report = harness::example();
    report.load.agent_index = index;
    report.load.agent_count = count;
    Part { name: format!("{index}.json"), report }
}

fn parts(count: u32) -> Vec<Part> {
    (0..count).map(|index| part(index, count)).collect()
}

/// Merges two parts, the second of which was changed, and returns the error.
#[track_caller]
fn refused(change: impl FnOnce(&mut Part)) -> String {
    let mut parts = parts(2);
    change(&mut parts[1]);
    merge(&parts).unwrap_err()
}

fn random_time(random: &mut Rng) -> u64 {
    // The times have all magnitudes.
    let magnitude = random.u32(0..30);
    random.u64(1..=distribution::MAX_NS >> magnitude)
}

fn histogram(times: &[u64]) -> Histogram<u64> {
    let mut histogram = distribution::histogram();
    times.iter().for_each(|time| histogram.record(*time).unwrap());
    histogram
}

/// Returns counts of messages of 9 bytes each.
fn counts(messages: u64, errors: u64) -> Counts {
    Counts { messages, bytes: messages * 9, errors }
}

/// Distributes times among parts at random. A part may get none.
fn dealt(
    random: &mut Rng,
    all: &[u64],
    parts: &mut [Part],
    put: impl Fn(&mut RunReport, Distribution),
) {
    let mut hands = vec![vec![]; parts.len()];
    for time in all {
        hands[random.usize(..parts.len())].push(*time);
    }
    for (part, hand) in parts.iter_mut().zip(hands) {
        put(&mut part.report, Distribution::new(&histogram(&hand)));
    }
}

#[test]
fn merged_parts_have_exactly_the_histogram_of_all_samples() {
    let mut random = random();
    for _ in 0..50 {
        let mut parts = parts(random.u32(2..9));
        let samples = random.usize(..2_000);
        let mut times = || (0..samples).map(|_| random_time(&mut random)).collect::<Vec<_>>();
        let (response, service, connect, late) = (times(), times(), times(), times());
        dealt(&mut random, &response, &mut parts, |report, times| {
            report.response_time = Some(times);
        });
        dealt(&mut random, &service, &mut parts, |report, times| report.service_time = times);
        dealt(&mut random, &connect, &mut parts, |report, times| report.connect_time = times);
        dealt(&mut random, &late, &mut parts, |report, times| {
            report.generator.lateness = Some(times);
        });
        random.shuffle(&mut parts);
        let merged = merge(&parts).unwrap();
        let whole = |times: &[u64]| Distribution::new(&histogram(times));
        assert_eq!(merged.response_time, Some(whole(&response)));
        assert_eq!(merged.service_time, whole(&service));
        assert_eq!(merged.connect_time, whole(&connect));
        assert_eq!(merged.generator.lateness, Some(whole(&late)));
    }
}

#[test]
fn pieces_are_added_with_those_of_the_same_time() {
    let mut random = random();
    for _ in 0..50 {
        let mut parts = parts(random.u32(2..5));
        let seconds = random.usize(1..6);
        let mut all = vec![(0, vec![]); seconds];
        for part in &mut parts {
            // Starts up to 0.4 s late; intervals last 1 s.
            let late_s = random.f64() * 0.4;
            part.report.started_at = reports::at(late_s);
            part.report.ended_at = reports::at(late_s + seconds as f64);
            part.report.intervals.clear();
            for (second, (messages, times)) in all.iter_mut().enumerate() {
                let mine: Vec<_> =
                    (0..random.usize(..100)).map(|_| random_time(&mut random)).collect();
                let count = mine.len() as u64;
                let piece = Interval::new(second as f64, 1.0, counts(count, 1), &histogram(&mine));
                part.report.intervals.push(piece);
                *messages += count;
                times.extend(mine);
            }
        }
        let merged = merge(&parts).unwrap().intervals;
        assert_eq!(merged.len(), seconds);
        for (second, (piece, (messages, times))) in merged.iter().zip(all).enumerate() {
            let counts = counts(messages, parts.len() as u64);
            let expected = Interval::new(piece.start_s, 1.0, counts, &histogram(&times));
            assert_eq!(*piece, expected);
            assert!((piece.start_s - second as f64).abs() < 0.5, "{}", piece.start_s);
        }
    }
}

/// This happens if the load is a count of messages: one generator ended just before its intervals would
/// have been doubled.
#[test]
fn pieces_of_half_the_length_are_parts_of_those_of_the_others() {
    let mut parts = parts(2);
    let piece = |start_s, length_s, messages: usize| {
        let times = histogram(&vec![1_000; messages]);
        let counts = Counts { messages: messages as u64, ..Counts::default() };
        Interval::new(start_s, length_s, counts, &times)
    };
    for (part, length_s) in parts.iter_mut().zip([1.0, 2.0]) {
        part.report.ended_at = reports::at(3.5);
        part.report.load.interval_s = length_s;
    }
    parts[0].report.intervals =
        vec![piece(0.0, 1.0, 1), piece(1.0, 1.0, 2), piece(2.0, 1.0, 3), piece(3.0, 0.5, 4)];
    parts[1].report.intervals = vec![piece(0.0, 2.0, 10), piece(2.0, 1.25, 20)];
    let merged = merge(&parts).unwrap();
    assert_eq!(merged.load.interval_s, 2.0);
    assert_eq!(merged.intervals, [piece(0.0, 2.0, 13), piece(2.0, 1.5, 27)]);
}

#[test]
fn counts_are_added() {
    let mut parts = parts(3);
    parts[1].report.errors = Errors { corrupt: 2, refused: 5, ..Errors::default() };
    parts[2].report.interrupted = true;
    parts[2].report.generator.threads =
        vec![GeneratorThread { busy: 0.5, waiting: 0.0, cpu_s: 1.0 }; 2];
    parts[2].report.generator.cpu_per_message_ns = 4_620.0;
    if let Some(flood) = &mut parts[1].report.flood {
        flood.errors.corrupt = 1;
        flood.busy = Some(0.9);
    }
    let merged = merge(&parts).unwrap();
    assert_eq!((merged.agents, merged.load.agent_count, merged.load.threads), (3, 3, 3));
    assert_eq!((merged.connections.asked, merged.connections.opened), (150, 153));
    assert!((merged.connections.missing - 0.002).abs() < 1e-9, "{:?}", merged.connections);
    assert_eq!((merged.messages.asked, merged.messages.verified), (Some(30_000), 30_000));
    assert_eq!((merged.throughput.messages, merged.throughput.bytes), (30_000, 3_840_000));
    assert!((merged.throughput.messages_per_s - 15_000.0).abs() < 0.1);
    assert_eq!(merged.errors, Errors { corrupt: 2, refused: 5, reset: 2, ..Errors::default() });
    assert_eq!(merged.generator.threads.len(), 4);
    assert!((merged.generator.cpu_per_message_ns - 3_080.0).abs() < 0.1);
    let flood = merged.flood.unwrap();
    assert_eq!((flood.connections.asked, flood.messages), (12, 60_000));
    assert_eq!((flood.bytes, flood.errors.total()), (3_932_160_000, 1));
    assert_eq!(flood.busy, Some(0.9));
    assert!((flood.bytes_per_s - 1_966_080_000.0).abs() < 1.0, "{flood:?}");
    assert!(merged.interrupted);
    assert_eq!((merged.started_at, merged.ended_at), (reports::at(0.0), reports::at(2.0)));
}

#[test]
fn a_message_count_that_one_part_lacks_is_not_made_up() {
    let mut parts = parts(2);
    parts[0].report.messages.asked = None;
    assert_eq!(merge(&parts).unwrap().messages.asked, None);
}

#[test]
fn messages_without_a_stamp_are_added_if_all_counted_them() {
    let mut parts = parts(3);
    for (part, count) in parts.iter_mut().zip([1, 20, 300]) {
        part.report.generator.without_stamp = Some(count);
    }
    assert_eq!(merge(&parts).unwrap().generator.without_stamp, Some(321));
    parts[1].report.generator.without_stamp = None;
    assert_eq!(merge(&parts).unwrap().generator.without_stamp, None);
}

#[test]
fn findings_are_in_the_order_of_time_and_name_their_agent() {
    let mut parts = parts(2);
    // This part began later, so its finding is later.
    parts[0].report.started_at = reports::at(0.05);
    let many = vec![parts[0].report.findings[0].clone(); MAX_FINDINGS];
    parts[0].report.findings = many;
    let merged = merge(&parts).unwrap().findings;
    assert_eq!(merged.len(), MAX_FINDINGS);
    assert!(merged[0].text.starts_with("agent 1: receive: "), "{}", merged[0].text);
    assert!(merged[1].text.starts_with("agent 0: receive: "), "{}", merged[1].text);
    assert!((merged[1].at_s - 0.30).abs() < 1e-6, "{}", merged[1].at_s);
}

#[test]
fn the_verdict_is_the_worst_with_every_reason() {
    let mut parts = parts(3);
    let verdict = |kind, reason: &str| Verdict { kind, reasons: vec![reason.to_owned()] };
    assert_eq!(
        merge(&parts).unwrap().verdict,
        Verdict { kind: VerdictKind::Valid, reasons: vec![] }
    );
    parts[0].report.verdict = verdict(VerdictKind::Incomplete, "two connections are missing");
    parts[2].report.verdict = verdict(VerdictKind::GeneratorLimited, "it was late");
    let merged = merge(&parts).unwrap().verdict;
    assert_eq!(merged.kind, VerdictKind::GeneratorLimited);
    assert_eq!(merged.reasons, ["agent 0: two connections are missing", "agent 2: it was late"]);
}

#[test]
fn missing_agents_make_it_incomplete() {
    let mut parts = parts(4);
    parts.remove(2);
    let verdict = merge(&parts).unwrap().verdict;
    assert_eq!(verdict.kind, VerdictKind::Incomplete);
    assert_eq!(verdict.reasons, ["there is no report of agent 2 of 4"]);
    let verdict = merge(&[part(0, 20), part(19, 20)]).unwrap().verdict;
    let listed = "there are no reports of 18 of 20 agents: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …";
    assert_eq!(verdict.reasons, [listed]);
}

#[test]
fn a_part_that_ran_alone_for_long_makes_it_incomplete_unless_messages_are_counted() {
    let mut parts = parts(2);
    parts[1].report.started_at = reports::at(0.5);
    parts[1].report.ended_at = reports::at(2.5);
    let merged = merge(&parts).unwrap();
    assert_eq!(merged.verdict.kind, VerdictKind::Incomplete);
    let reason = "all agents measured at the same time for only 1.50 s of 2.00 s";
    assert_eq!(merged.verdict.reasons, [reason]);
    assert!((merged.throughput.messages_per_s - 8_000.0).abs() < 0.1, "20,000 in 2.5 s");
    for part in &mut parts {
        part.report.load.duration_s = None;
        part.report.load.count = Some(20_000);
    }
    assert_eq!(merge(&parts).unwrap().verdict.kind, VerdictKind::Valid);
}

#[test]
fn runs_that_did_not_overlap_are_refused_and_the_gap_is_told() {
    let error = refused(|part| {
        part.report.started_at = reports::at(2.25);
        part.report.ended_at = reports::at(4.25);
    });
    let told = "0.json had ended 250 ms before 1.json began: they did not measure at the same time";
    assert_eq!(error, told);
}

#[test]
fn the_same_agent_twice_is_refused() {
    let error = refused(|part| part.report.load.agent_index = 0);
    assert_eq!(error, "0.json and 1.json are both of agent 0");
}

#[test]
fn other_loads_and_servers_are_refused_by_what_differs() {
    let same = "0.json and 1.json are not of the same load: ";
    let error = refused(|part| part.report.target = "127.0.0.1:7".to_owned());
    assert_eq!(
        error,
        format!("{same}target is 127.0.0.1:9000 in 0.json and 127.0.0.1:7 in 1.json")
    );
    let error = refused(|part| part.report.load.depth = 4);
    assert_eq!(error, format!("{same}depth is 1 in 0.json and 4 in 1.json"));
    let error = refused(|part| part.report.load.kernel_timestamps = true);
    assert_eq!(error, format!("{same}kernel_timestamps is false in 0.json and true in 1.json"));
    let error = refused(|part| part.report.load.flood = None);
    assert!(error.starts_with(&format!("{same}flood is {{")), "{error}");
    assert!(error.ends_with(" in 0.json and null in 1.json"), "{error}");
    let error = refused(|part| part.report.load.agent_count = 3);
    assert_eq!(error, format!("{same}agent_count is 2 in 0.json and 3 in 1.json"));
}

#[test]
fn what_is_a_generators_own_may_differ() {
    let mut parts = parts(2);
    let load = &mut parts[1].report.load;
    (load.seed, load.threads, load.busy_poll) = (8, 3, true);
    load.source_ips = vec!["127.0.0.2".to_owned()];
    let merged = merge(&parts).unwrap().load;
    assert_eq!((merged.seed, merged.threads, merged.busy_poll), (7, 4, true));
    assert_eq!(merged.source_ips, ["127.0.0.2"]);
}

#[test]
fn what_is_no_part_of_a_shared_load_is_refused() {
    assert_eq!(merge(&[]).unwrap_err(), "merging needs at least 2 reports, not 0");
    assert_eq!(merge(&[part(0, 2)]).unwrap_err(), "merging needs at least 2 reports, not 1");
    for (change, told) in [
        ((|report| report.agents = 2) as fn(&mut RunReport), "1.json is a merged report"),
        (|report| report.load.agent_count = 1, "1.json comes from a generator that shared no load"),
        (|report| report.load.agent_index = 2, "1.json: there is no agent 2 of 2"),
        (|report| report.format = "other".to_owned(), "1.json: the format is \"other\""),
        (|report| report.started_at = "noon".to_owned(), "1.json: started_at is \"noon\""),
        (|report| report.ended_at = reports::at(-1.0), "1.json: it ended before it began"),
        (|report| report.response_time = None, "1.json lacks times that another report has"),
        (|report| report.flood = None, "1.json has no flood, and another report has one"),
        (
            |report| report.service_time.histogram = "HIST".to_owned(),
            "1.json: a histogram is invalid",
        ),
        (|report| report.intervals[0].histogram.clear(), "1.json: a histogram is invalid"),
    ] {
        let error = refused(|part| change(&mut part.report));
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn objectives_are_listed_once_and_not_judged() {
    let mut parts = parts(2);
    let other = Objective { text: "rate>=0.99".to_owned(), measured: String::new(), met: false };
    parts[1].report.objectives.push(other);
    assert_eq!(objectives(&parts), ["p99<2ms", "rate>=0.99"]);
    assert_eq!(merge(&parts).unwrap().objectives, []);
}
