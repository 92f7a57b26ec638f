//! A run of the load engine, with a deadline. The report of every run has to add up.

use std::net::SocketAddr;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use echo_loadtest::engine::{self, Observer, Stop};
use echo_loadtest::plan::{Limit, Plan, Sizes};
use echo_loadtest::run_report::{RunReport, VerdictKind};
use echo_tests::wait::DEADLINE;

use crate::sound::expect_sound;

/// A timeout that is longer than any reply takes, even on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns a load of `count` messages on three connections, without a warm-up.
pub(crate) fn count(target: SocketAddr, count: u64) -> Plan {
    plan(target, Limit::Count(count))
}

/// Returns a load of this many milliseconds on three connections, without a warm-up.
pub(crate) fn millis(target: SocketAddr, millis: u64) -> Plan {
    plan(target, Limit::Duration(Duration::from_millis(millis)))
}

fn plan(target: SocketAddr, limit: Limit) -> Plan {
    Plan {
        connections: 3,
        sizes: Sizes::Range(20, 20),
        warmup: Duration::ZERO,
        timeout: PATIENCE,
        ..Plan::new(target, limit)
    }
}

/// Runs a load.
///
/// # Panics
/// If the run hangs, cannot start, or reports figures that contradict each other.
#[track_caller]
pub(crate) fn load(plan: &Plan) -> RunReport {
    try_load(plan).expect("the run starts")
}

/// Runs a load that may not be able to start.
#[track_caller]
pub(crate) fn try_load(plan: &Plan) -> Result<RunReport, String> {
    observed_load(plan, &Stop::default(), ()).0
}

/// Runs a load with an observer, which may stop it.
#[track_caller]
pub(crate) fn observed_load<O: Observer + Send + 'static>(
    plan: &Plan,
    stop: &Stop,
    mut observer: O,
) -> (Result<RunReport, String>, O) {
    let (sender, ended) = channel();
    let (asked, stop) = (plan.clone(), stop.clone());
    thread::spawn(move || {
        let result = engine::run(&asked, &stop, &mut observer);
        let _ = sender.send((result, observer));
    });
    let (result, observer) = match ended.recv_timeout(DEADLINE) {
        Ok(ended) => ended,
        Err(RecvTimeoutError::Timeout) => panic!("the run hangs: {plan:?}"),
        Err(RecvTimeoutError::Disconnected) => panic!("the run panicked: {plan:?}"),
    };
    if let Ok(report) = &result {
        expect_sound(report, plan);
    }
    (result, observer)
}

/// Runs a load against an honest server, and checks that nothing is wrong or missing.
#[track_caller]
pub(crate) fn honest_load(plan: &Plan) -> RunReport {
    let report = load(plan);
    assert_eq!(report.errors.total(), 0, "{:?} {:?}", report.errors, report.findings);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let (connections, messages) = (report.connections, report.messages);
    assert_eq!(connections.established, connections.asked, "{connections:?}");
    assert_eq!(messages.verified, messages.sent, "{messages:?}");
    assert!(messages.verified > 0, "{messages:?}");
    if let Limit::Count(_) = plan.limit {
        assert_eq!((Some(messages.verified), messages.unsent), (messages.asked, 0));
    }
    if messages.unsent == 0 {
        assert_ne!(report.verdict.kind, VerdictKind::Incomplete, "{:?}", report.verdict);
    }
    report
}

/// Checks that the report says what is missing, for this reason. It may also say that the load tester
/// was too slow.
#[track_caller]
pub(crate) fn expect_missing(report: &RunReport, reason: &str) {
    let verdict = &report.verdict;
    assert_ne!(verdict.kind, VerdictKind::Valid, "{verdict:?}");
    assert!(verdict.reasons.iter().any(|text| text == reason), "{verdict:?} without {reason:?}");
}
