//! A run that is stopped ends at once, in every phase, and reports what it has found so far.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use echo_loadtest::engine::{self, Observer, Phase, Progress, Stop};
use echo_loadtest::plan::{Limit, Plan};
use echo_loadtest::run_report::RunReport;
use echo_tests::running::{Running, line};
use echo_tests::wait::wait_until;

use crate::load::{expect_missing, millis, observed_load};
use crate::scripted::{Scripted, listen};

/// Far longer than a test's deadline.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// Stops the run when it is in this phase and this many messages have come back.
pub(crate) struct StopIn(pub(crate) Phase, pub(crate) u64, pub(crate) Stop);

impl Observer for StopIn {
    fn progress(&mut self, progress: &Progress) {
        if progress.phase == self.0 && progress.messages >= self.1 {
            self.2.stop();
        }
    }
}

#[track_caller]
fn stop_in(phase: Phase, messages: u64, plan: &Plan) -> Result<RunReport, String> {
    let stop = Stop::default();
    observed_load(plan, &stop, StopIn(phase, messages, stop.clone())).0
}

#[track_caller]
fn stopped_in(phase: Phase, messages: u64, plan: &Plan) -> RunReport {
    let report = stop_in(phase, messages, plan).expect("a report of what was found");
    assert!(report.interrupted);
    expect_missing(&report, &format!("stopped after {:.1} s", report.throughput.duration_s));
    report
}

/// Stops the run, and keeps the number of connections that were open at the last progress.
struct LastOpen(StopIn, u64);

impl Observer for LastOpen {
    fn progress(&mut self, progress: &Progress) {
        self.1 = progress.connections;
        self.0.progress(progress);
    }
}

fn endless(target: SocketAddr) -> Plan {
    Plan { limit: Limit::Duration(FOR_EVER), timeout: FOR_EVER, threads: 2, ..millis(target, 0) }
}

#[test]
fn in_the_measured_part_it_tells_what_was_measured() {
    let server = Running::start(line(1));
    let report = stopped_in(Phase::Measuring, 1_000, &endless(server.address));
    assert!(report.messages.verified >= 1_000 && report.throughput.duration_s > 0.0);
    assert_eq!(report.errors.total(), 0);
    let counted = Plan { limit: Limit::Count(u64::MAX), ..endless(server.address) };
    let report = stopped_in(Phase::Measuring, 1_000, &counted);
    assert!(report.messages.verified >= 1_000 && report.throughput.duration_s > 0.0);
    let open = Plan { arrival: echo_loadtest::plan::Arrival::Constant(5_000.0), ..counted };
    let report = stopped_in(Phase::Measuring, 300, &open);
    assert!(report.messages.verified >= 300);
}

#[test]
fn at_its_end_no_connection_is_open() {
    let server = Running::start(line(1));
    let stop = Stop::default();
    let observer = LastOpen(StopIn(Phase::Measuring, 1_000, stop.clone()), u64::MAX);
    let (result, LastOpen(_, open)) = observed_load(&endless(server.address), &stop, observer);
    assert!(result.expect("a report of what was found").interrupted);
    assert_eq!(open, 0);
}

#[test]
fn in_the_warm_up_nothing_was_measured() {
    let server = Running::start(line(1));
    let plan = Plan { warmup: FOR_EVER, ..endless(server.address) };
    let report = stopped_in(Phase::WarmUp, 100, &plan);
    assert_eq!((report.messages.sent, report.messages.verified), (0, 0));
    assert_eq!(report.throughput.duration_s, 0.0);
    assert_eq!(report.connections.established, 3);
}

#[test]
fn before_its_time_it_does_not_begin() {
    let server = Running::start(line(1));
    // The second time is later than a run's clock can count.
    for wait in [FOR_EVER, 10_000_000 * FOR_EVER] {
        let start_at = Some(SystemTime::now() + wait);
        let report = stopped_in(Phase::Waiting, 0, &Plan { start_at, ..endless(server.address) });
        assert_eq!((report.messages.sent, report.connections.established), (0, 3));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn while_connections_are_made_it_ends_as_well() {
    let listener = listen(0);
    let address = listener.local_addr().unwrap();
    let plan = Plan { connections: 5, ..endless(address) };
    // One connection was made, and waits in the backlog.
    let report = stopped_in(Phase::Connecting, 0, &plan);
    assert!((1..5).contains(&report.connections.established), "{:?}", report.connections);
    let _waiting = crate::silence::fill(&listener);
    let result = stop_in(Phase::Connecting, 0, &plan);
    assert_eq!(result.unwrap_err(), "stopped before it began");
}

#[test]
fn when_it_only_waits_for_the_rest_it_ends_as_well() {
    let held = Arc::new(Mutex::new(vec![]));
    let holding = Arc::clone(&held);
    let server = Scripted::start(move |peer| {
        holding.lock().unwrap().push(peer.stream().try_clone());
        peer.echo_all();
    });
    let report = stopped_in(
        Phase::Draining,
        1,
        &Plan { limit: Limit::Duration(Duration::from_millis(50)), ..endless(server.address) },
    );
    assert_eq!(report.messages.sent, report.messages.verified);
    drop(held);
}

#[test]
fn before_it_was_started_it_does_not_begin() {
    let server = Running::start(line(1));
    let stop = Stop::default();
    stop.stop();
    let (result, ()) = observed_load(&endless(server.address), &stop, ());
    match result {
        Ok(report) => assert!(report.interrupted && report.messages.sent == 0),
        Err(error) => assert_eq!(error, "stopped before it began"),
    }
}

#[test]
fn what_was_wrong_by_then_is_told() {
    let server = Scripted::start(|peer| {
        if peer.number == 0
            && let Some(line) = peer.line()
        {
            peer.send(&line[1..]);
        }
        peer.swallow();
    });
    // The run stops as soon as the wrong bytes have come, while the load tester still inspects them.
    let stop = Stop::default();
    let plan = Plan { connections: 1, ..endless(server.address) };
    let observer = StopAtBytes(stop.clone());
    let report = observed_load(&plan, &stop, observer).0.expect("a report");
    assert_eq!(report.errors.corrupt, 1, "{:?}", report.findings);
}

/// Fails as soon as the load begins.
struct Faulty;

impl Observer for Faulty {
    fn progress(&mut self, progress: &Progress) {
        assert!(progress.phase != Phase::Measuring, "expected here");
    }
}

#[test]
fn an_observer_that_panics_ends_the_run() {
    let server = Running::start(line(1));
    let plan = endless(server.address);
    let run = thread::spawn(move || engine::run(&plan, &Stop::default(), &mut Faulty));
    wait_until("the end of the run", || run.is_finished());
    assert!(run.join().is_err());
    server.wait_for("the end of its connections", |stats| stats.open() == 0);
}

struct StopAtBytes(Stop);

impl Observer for StopAtBytes {
    fn progress(&mut self, progress: &Progress) {
        if progress.bytes > 0 {
            self.0.stop();
        }
    }
}
