//! The arithmetic of a report, beyond the rules that hold in every report (see `sound`): pieces, phases,
//! times.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use echo_loadtest::distribution::histogram;
use echo_loadtest::engine::{Observer, Phase, Progress, Stop};
use echo_loadtest::plan::{Arrival, Plan};
use echo_loadtest::run_report::{Interval, RunReport};
use echo_tests::running::{Running, line};
use hdrhistogram::Histogram;

use crate::load::{count, honest_load, load, millis, observed_load};
use crate::scripted::{Scripted, hold_until};

/// Keeps everything that it hears.
struct Diary {
    intervals: Vec<Interval>,
    latencies: Histogram<u64>,
    progress: Vec<Progress>,
    /// Number of intervals that it had heard of at the last progress.
    intervals_then: usize,
}

impl Diary {
    fn new() -> Self {
        Self { intervals: vec![], latencies: histogram(), progress: vec![], intervals_then: 0 }
    }
}

impl Observer for Diary {
    fn progress(&mut self, progress: &Progress) {
        self.progress.push(*progress);
        self.intervals_then = self.intervals.len();
    }

    fn interval(&mut self, interval: &Interval, latencies: &Histogram<u64>) {
        self.intervals.push(interval.clone());
        self.latencies.add(latencies).unwrap();
    }
}

#[track_caller]
fn watched_load(plan: &Plan) -> (RunReport, Diary) {
    let (result, diary) = observed_load(plan, &Stop::default(), Diary::new());
    (result.expect("the run starts"), diary)
}

#[test]
fn the_pieces_that_are_told_are_those_of_the_report() {
    let server = Running::start(line(1));
    let base = Plan {
        threads: 2,
        depth: 4,
        warmup: Duration::from_millis(30),
        interval: Duration::from_millis(40),
        ..millis(server.address, 200)
    };
    let open = Plan { arrival: Arrival::Constant(2_000.0), ..base.clone() };
    let counted = Plan { limit: count(server.address, 4_000).limit, ..base.clone() };
    for plan in [base, open, counted] {
        let (report, diary) = watched_load(&plan);
        // The end of a count is known only later. The pieces that came until then hold nothing.
        let (told, later) = diary.intervals.split_at(report.intervals.len());
        let is_same = told == report.intervals || report.load.count.is_some();
        assert!(is_same, "{told:?} {:?}", report.intervals);
        assert!(later.iter().all(|interval| interval.messages == 0), "{later:?}");
        assert!(later.is_empty() || report.load.count.is_some(), "{later:?}");
        assert_eq!(diary.latencies, report.latency().to_histogram().unwrap());
        assert!(report.intervals.len() <= 5 || report.load.count.is_some());
        assert!(report.throughput.messages > 0);
    }
    server.stop_clean();
}

#[test]
fn progress_goes_from_phase_to_phase_and_only_grows() {
    let server = Running::start(line(1));
    let plan = Plan {
        warmup: Duration::from_millis(250),
        start_at: Some(SystemTime::now() + Duration::from_millis(300)),
        ..millis(server.address, 300)
    };
    let (report, diary) = watched_load(&plan);
    let order = |phase| match phase {
        Phase::Connecting => 0,
        Phase::Waiting => 1,
        Phase::WarmUp => 2,
        Phase::Measuring => 3,
        Phase::Draining => 4,
    };
    assert!(diary.progress.is_sorted_by_key(|progress| order(progress.phase)));
    assert!(diary.progress.is_sorted_by_key(|progress| progress.messages));
    assert!(diary.progress.is_sorted_by_key(|progress| progress.bytes));
    let last = diary.progress.last().unwrap();
    // The messages of the warm-up count for the whole run.
    assert!(last.messages > report.messages.verified && last.errors == 0, "{last:?}");
    server.stop_clean();
}

#[test]
fn pieces_are_told_while_other_threads_are_still_at_work() {
    // The first connection is done at once. The second one takes a second.
    let server = Scripted::start(|peer| {
        while let Some(line) = peer.line() {
            if peer.number == 1 {
                hold_until(Instant::now() + Duration::from_millis(50));
            }
            peer.send(line);
        }
    });
    let plan = Plan {
        connections: 2,
        threads: 2,
        interval: Duration::from_millis(50),
        ..count(server.address, 40)
    };
    let (report, diary) = watched_load(&plan);
    assert_eq!(report.messages.verified, 40);
    assert!(diary.intervals_then >= 5, "{} of {}", diary.intervals_then, report.intervals.len());
}

#[test]
fn threads_without_a_part_in_the_load_are_not_busy() {
    let server = Scripted::start(|peer| {
        while let Some(line) = peer.line() {
            hold_until(Instant::now() + Duration::from_millis(200));
            peer.send(line);
        }
    });
    for warmup_ms in [0, 100] {
        let warmup = Duration::from_millis(warmup_ms);
        let plan = Plan { connections: 2, threads: 2, warmup, ..count(server.address, 1) };
        let report = honest_load(&plan);
        let threads = &report.generator.threads;
        assert!(threads.iter().all(|thread| thread.busy < 0.95), "{threads:?}");
    }
}

#[test]
fn the_pieces_of_a_count_add_up_though_connections_end_late() {
    // Messages in flight when counting began are counted in no piece.
    let server = Scripted::start(|peer| {
        while let Some(line) = peer.line() {
            hold_until(Instant::now() + Duration::from_millis(4));
            peer.send(line);
        }
        hold_until(Instant::now() + Duration::from_millis(150));
    });
    let plan = Plan {
        depth: 8,
        warmup: Duration::from_millis(50),
        interval: Duration::from_millis(20),
        ..count(server.address, 60)
    };
    let report = honest_load(&plan);
    assert_eq!(report.throughput.messages, 60);
    assert_eq!(report.throughput.bytes, 60 * 20);
}

#[test]
fn a_run_begins_when_it_is_told_to() {
    let server = Running::start(line(1));
    let start_at = SystemTime::now() + Duration::from_millis(300);
    let warmup = Duration::from_millis(50);
    let plan = Plan { start_at: Some(start_at), warmup, ..millis(server.address, 50) };
    let report = honest_load(&plan);
    let started = humantime::parse_rfc3339(&report.started_at).unwrap();
    assert_eq!(started, start_at + warmup);
    assert!(SystemTime::now() >= start_at + warmup + Duration::from_millis(50));
    server.stop_clean();
}

#[test]
fn a_time_to_begin_that_has_passed_is_now() {
    let server = Running::start(line(1));
    let before = SystemTime::now();
    honest_load(&Plan { start_at: Some(SystemTime::UNIX_EPOCH), ..millis(server.address, 50) });
    let report = honest_load(&Plan { start_at: Some(before), ..millis(server.address, 50) });
    assert!(humantime::parse_rfc3339(&report.started_at).unwrap() >= before);
    server.stop_clean();
}

#[test]
fn every_connection_that_is_kept_tells_how_long_it_took() {
    let server = Running::start(line(1));
    let report = honest_load(&Plan { connections: 30, threads: 2, ..millis(server.address, 50) });
    assert_eq!((report.connect_time.count, report.connections.opened), (30, 30));
    assert!(report.connect_time.min_ns > 0);
    server.stop_clean();
}

#[test]
fn faults_are_counted_in_the_piece_they_are_found_in() {
    let server = Scripted::start(|peer| {
        peer.echo(10);
        peer.send("wrong\n");
        peer.swallow();
    });
    let interval = Duration::from_millis(200);
    let report = load(&Plan { interval, ..millis(server.address, 1_000) });
    let counted: u64 = report.intervals.iter().map(|interval| interval.errors).sum();
    // A fault after the end is in no piece.
    let last = report.errors.total() - counted;
    assert!(counted > 0 && last <= 3, "{counted} of {:?}", report.errors);
}

/// All lines that came to a server.
fn lines_of(seed: u64) -> HashSet<Vec<u8>> {
    let lines = Arc::new(Mutex::new(HashSet::new()));
    let collected = Arc::clone(&lines);
    let server = Scripted::start(move |peer| {
        while let Some(line) = peer.line() {
            peer.send(&line);
            collected.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
        }
    });
    let plan = Plan { seed, connections: 1, threads: 1, ..count(server.address, 50) };
    honest_load(&plan);
    let lines = lines.lock().unwrap().clone();
    assert_eq!(lines.len(), 50);
    lines
}

#[test]
fn the_seed_makes_the_content() {
    assert_eq!(lines_of(1), lines_of(1));
    assert!(lines_of(1).is_disjoint(&lines_of(2)));
}
