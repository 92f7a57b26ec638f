//! Whether the load tester knows that it is the limit. Tests starve, stop and overwork it, each in a
//! process of its own, because everything that runs beside it would be starved too.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use echo_loadtest::engine::{Observer, Phase, Progress, Stop};
use echo_loadtest::plan::{Arrival, Flood, Plan, Sizes};
use echo_loadtest::run_report::{RunReport, VerdictKind};
use echo_tests::alone::alone;
use echo_tests::proc_fs::threads;
use echo_tests::running::{Running, line};
use echo_tests::wait::Over;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::load::{honest_load, millis, observed_load, try_load};
use crate::scripted::{Scripted, hold_until};

#[track_caller]
fn expect_limited(report: &RunReport, reason: &str) {
    let verdict = &report.verdict;
    assert_eq!(verdict.kind, VerdictKind::GeneratorLimited, "{verdict:?} {:?}", report.generator);
    assert!(verdict.reasons.iter().any(|text| text.contains(reason)), "{verdict:?}");
}

/// Returns the CPUs that this thread may use.
fn cpus_allowed() -> Vec<usize> {
    let may = sched_getaffinity(Pid::from_raw(0)).unwrap();
    (0..CpuSet::count()).filter(|&cpu| may.is_set(cpu).unwrap()).collect()
}

/// Makes this thread, and the threads that it starts from now on, share one CPU.
fn keep_to_one_cpu() {
    let mut one = CpuSet::new();
    one.set(cpus_allowed()[0]).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
}

#[test]
fn a_load_tester_without_a_cpu_says_so() {
    alone("verdicts::a_load_tester_without_a_cpu_says_so", || {
        let server = Running::start(line(1));
        keep_to_one_cpu();
        let over = Arc::new(Over::default());
        let spin = |over: Arc<Over>| move || while !over.is_over() {};
        let spinners: Vec<_> = (0..4).map(|_| thread::spawn(spin(Arc::clone(&over)))).collect();
        let report = {
            let _guard = over.guard();
            honest_load(&Plan { connections: 50, depth: 8, ..millis(server.address, 500) })
        };
        spinners.into_iter().for_each(|spinner| spinner.join().unwrap());
        expect_limited(&report, "of the load tester waited for a CPU");
    });
}

/// Notes which CPUs the load's threads may use.
#[derive(Default)]
struct Places(Vec<String>);

impl Observer for Places {
    fn progress(&mut self, progress: &Progress) {
        if progress.phase != Phase::Measuring || !self.0.is_empty() {
            return;
        }
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            if ["load-", "flood-"].iter().any(|name| field("Name:\t").starts_with(name)) {
                self.0.push(field("Cpus_allowed_list:\t").to_owned());
            }
        }
    }
}

#[test]
fn threads_keep_to_the_cpus_they_are_given() {
    alone("verdicts::threads_keep_to_the_cpus_they_are_given", || {
        let server = Running::start(line(1));
        let cpus = vec![cpus_allowed()[0]];
        let flood = Some(Flood { connections: 1, size: 64, depth: 1 });
        let plan = Plan { threads: 2, cpus: cpus.clone(), flood, ..millis(server.address, 300) };
        let (report, places) = observed_load(&plan, &Stop::default(), Places::default());
        assert_eq!(report.unwrap().errors.total(), 0);
        assert_eq!(places.0, vec![cpus[0].to_string(); 3]);
        let error = try_load(&Plan { cpus: vec![1_000_000], ..plan }).unwrap_err();
        assert_eq!(error, "pin to CPUs 1000000: not here, or not allowed");
    });
}

/// The policy's number, as in sched(7).
const SCHED_IDLE: u32 = 5;

/// Notes the scheduling policy of each thread, by name.
#[derive(Debug, Default)]
struct Policies(BTreeMap<String, u32>);

impl Observer for Policies {
    fn progress(&mut self, progress: &Progress) {
        if progress.phase == Phase::Measuring && self.0.is_empty() {
            let seen = threads(std::process::id()).into_iter();
            self.0.extend(seen.map(|thread| (thread.name, thread.policy)));
        }
    }
}

/// Returns whether the thread of a flood gives way to the one that measures.
fn a_flood_gives_way(arrival: Arrival, busy_poll: bool) -> bool {
    let server = Running::start(line(1));
    let flood = Some(Flood { connections: 1, size: 64, depth: 1 });
    let plan = Plan { arrival, busy_poll, flood, ..millis(server.address, 500) };
    let (report, seen) = observed_load(&plan, &Stop::default(), Policies::default());
    let report = report.unwrap();
    assert_eq!(report.errors.total(), 0);
    assert!(report.flood.unwrap().busy.is_some_and(|busy| busy > 0.0));
    let policy = |name| *seen.0.get(name).unwrap_or_else(|| panic!("no {name} in {seen:?}"));
    assert_ne!(policy("load-0"), SCHED_IDLE);
    policy("flood-0") == SCHED_IDLE
}

/// A message that is due does not wait until the flood has had its share of the CPU.
#[test]
fn a_flood_gives_way_to_messages_that_are_due() {
    alone("verdicts::a_flood_gives_way_to_messages_that_are_due", || {
        assert!(a_flood_gives_way(Arrival::Constant(100.0), false));
    });
}

/// A flood that gave way would get no time here.
#[test]
fn a_flood_does_not_give_way_to_those_who_always_send() {
    alone("verdicts::a_flood_does_not_give_way_to_those_who_always_send", || {
        assert!(!a_flood_gives_way(Arrival::Closed, false));
    });
}

#[test]
fn a_flood_does_not_give_way_to_those_who_always_look() {
    alone("verdicts::a_flood_does_not_give_way_to_those_who_always_look", || {
        assert!(!a_flood_gives_way(Arrival::Constant(100.0), true));
    });
}

/// Stops the whole process for a moment when it measures.
struct Pause(Option<Child>);

impl Observer for Pause {
    fn progress(&mut self, progress: &Progress) {
        if progress.phase == Phase::Measuring && self.0.is_none() {
            let pid = std::process::id();
            let script = format!("kill -STOP {pid}; sleep 0.4; kill -CONT {pid}");
            self.0 = Some(Command::new("sh").args(["-c", &script]).spawn().unwrap());
        }
    }
}

#[test]
fn a_load_tester_that_was_held_up_says_so() {
    alone("verdicts::a_load_tester_that_was_held_up_says_so", || {
        let server = Running::start(line(1));
        for depth in [1, 16] {
            let arrival = Arrival::Constant(1_000.0);
            let plan = Plan { arrival, depth, connections: 4, ..millis(server.address, 1_000) };
            let (report, pause) = observed_load(&plan, &Stop::default(), Pause(None));
            pause.0.unwrap().wait().unwrap();
            let report = report.unwrap();
            assert!(report.response_time.as_ref().unwrap().p99_ns > 100_000_000);
            expect_limited(&report, "later than it could have");
        }
    });
}

#[test]
fn a_load_tester_with_too_much_to_do_says_so() {
    alone("verdicts::a_load_tester_with_too_much_to_do_says_so", || {
        // The server handles whole blocks at almost no cost, and each line costs the load tester
        // something.
        let server = Scripted::start(|peer| {
            while let Some(block) = peer.block() {
                peer.send(block);
            }
        });
        let plan = Plan {
            connections: 8,
            depth: 16_384,
            sizes: Sizes::Range(1, 1),
            ..millis(server.address, 500)
        };
        expect_limited(&honest_load(&plan), "of the load tester");
    });
}

#[test]
fn a_load_tester_at_its_ease_is_trusted() {
    let server = Scripted::start(|peer| {
        while let Some(line) = peer.line() {
            hold_until(Instant::now() + Duration::from_millis(400));
            peer.send(line);
        }
    });
    let report = honest_load(&Plan { connections: 1, ..millis(server.address, 2_000) });
    assert_eq!(report.verdict.kind, VerdictKind::Valid, "{:?}", report.verdict);
    assert!(report.verdict.reasons.is_empty());
}
