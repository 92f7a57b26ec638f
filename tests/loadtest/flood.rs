//! A flood beside a run: it goes on all the time, all its bytes are verified, none of the run's own
//! figures include it, and it ends with the run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use echo_loadtest::engine::{Observer, Phase, Progress, Stop};
use echo_loadtest::plan::{Arrival, Flood, Plan, Share};
use echo_loadtest::run_report::{Errors, RunReport};
use echo_tests::running::{Running, line};

use crate::load::{count, expect_missing, honest_load, load, millis, observed_load, try_load};
use crate::scripted::{Peer, Scripted, listen};
use crate::stops::StopIn;

/// Length of a line of the flood, longer than any message of the run.
const SIZE: usize = 10_000;

const FLOOD: Flood = Flood { connections: 2, size: SIZE, depth: 4 };

/// Far longer than a test's deadline.
const FOR_EVER: Duration = Duration::from_secs(3_600);

fn flooded(plan: Plan) -> Plan {
    Plan { flood: Some(FLOOD), ..plan }
}

/// Checks that the figures of the run, whose messages have 20 bytes, do not include the flood.
#[track_caller]
fn expect_apart(report: &RunReport) {
    assert_eq!(report.throughput.bytes, 20 * report.throughput.messages);
    assert_eq!(report.connections.opened, 3);
    let flood = report.flood.expect("there is a flood");
    assert_eq!(flood.connections.opened, flood.connections.asked);
    assert_eq!(flood.errors, Errors::default());
}

#[test]
fn both_are_counted_and_verified_and_end_well() {
    let server = Running::start(line(2));
    let report = honest_load(&flooded(millis(server.address, 200)));
    expect_apart(&report);
    let flood = report.flood.unwrap();
    assert_eq!(flood.connections.asked, 2);
    assert!(flood.messages > 0, "{flood:?}");
    let open = Plan { arrival: Arrival::Constant(500.0), ..flooded(millis(server.address, 200)) };
    expect_apart(&honest_load(&open));
    // Nothing is cut off: the lines in flight at the end came back.
    server.stop_clean();
}

#[test]
fn it_ends_when_the_messages_were_counted() {
    let server = Running::start(line(2));
    let warmup = Duration::from_millis(20);
    let report = load(&flooded(Plan { warmup, ..count(server.address, 2_000) }));
    assert_eq!(report.messages.verified, 2_000);
    expect_apart(&report);
    assert!(report.flood.unwrap().bytes > 0);
    server.stop_clean();
}

#[test]
fn what_came_back_in_the_warm_up_is_not_counted() {
    let back = Arc::new(Mutex::new(0));
    let sent = Arc::clone(&back);
    let server = Scripted::start(move |peer| {
        while let Some(line) = peer.line() {
            if line.len() == SIZE {
                *sent.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            }
            peer.send(line);
        }
    });
    let warmup = Duration::from_millis(200);
    let report = honest_load(&flooded(Plan { warmup, ..millis(server.address, 50) }));
    let flood = report.flood.unwrap();
    assert!(flood.messages > 0);
    assert!(flood.messages < *back.lock().unwrap(), "{flood:?}");
}

#[test]
fn it_is_there_before_the_run_connects_and_until_it_ends() {
    let order = Arc::new(Mutex::new(vec![]));
    let seen = Arc::clone(&order);
    let server = Scripted::start(move |peer| {
        let Some(line) = peer.line() else { return };
        seen.lock().unwrap_or_else(PoisonError::into_inner).push((peer.number, line.len()));
        peer.send(line);
        peer.echo_all();
    });
    honest_load(&flooded(millis(server.address, 100)));
    let mut order = order.lock().unwrap().clone();
    order.sort_unstable();
    assert_eq!(order, [(0, SIZE), (1, SIZE), (2, 20), (3, 20), (4, 20)]);
}

/// Changes a byte of each long line.
fn lie(peer: &mut Peer) {
    while let Some(mut line) = peer.line() {
        if line.len() == SIZE {
            line[SIZE / 2] ^= 0x80;
        }
        peer.send(line);
    }
}

#[test]
fn a_liar_that_spares_the_run_is_caught_by_the_flood() {
    let server = Scripted::start(lie);
    let report = load(&flooded(millis(server.address, 100)));
    let flood = report.flood.unwrap();
    assert!(flood.errors.corrupt >= 2, "{flood:?}");
    assert_eq!(report.errors.corrupt, flood.errors.corrupt);
    assert_eq!(report.messages.verified, report.messages.sent);
    for finding in &report.findings {
        assert!(finding.connection >= report.load.connections, "{finding:?}");
        assert!(finding.text.contains("altered at byte 5000 of 10000"), "{finding:?}");
    }
    expect_missing(&report, "no message of the flood came back");
}

#[test]
fn a_liar_that_spares_the_flood_is_caught_by_the_run() {
    let server = Scripted::start(|peer| {
        while let Some(mut line) = peer.line() {
            if line.len() != SIZE {
                line[0] ^= 0x80;
            }
            peer.send(line);
        }
    });
    let report = load(&flooded(millis(server.address, 100)));
    assert!(report.errors.corrupt >= 3, "{:?}", report.errors);
    assert_eq!(report.flood.unwrap().errors, Errors::default());
}

struct StopAtError(Stop);

impl Observer for StopAtError {
    fn progress(&mut self, progress: &Progress) {
        if progress.errors > 0 {
            self.0.stop();
        }
    }
}

#[test]
fn a_line_of_the_flood_is_not_taken_for_one_of_the_run() {
    // The lines of both have the same length. Each connection gets the first line of the whole load.
    let first = Arc::new(Mutex::new(None));
    let server = Scripted::start(move |peer| {
        let Some(line) = peer.line() else { return };
        let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
        peer.send(first.get_or_insert(line));
        drop(first);
        peer.swallow();
    });
    let flood = Some(Flood { connections: 1, size: 20, depth: 1 });
    let plan =
        Plan { connections: 1, flood, timeout: FOR_EVER, ..millis(server.address, 3_600_000) };
    // The connection of the flood waits for its next line for ever.
    let stop = Stop::default();
    let report = observed_load(&plan, &stop, StopAtError(stop.clone())).0.unwrap();
    assert!(report.errors.corrupt >= 1, "{:?}", report.errors);
    assert_eq!(report.flood.unwrap().errors.corrupt, 0);
}

#[test]
fn agents_share_it() {
    let server = Running::start(line(2));
    for (index, connections) in [(0, 2), (1, 1)] {
        let flood = Some(Flood { connections: 3, ..FLOOD });
        let share = Share { index, count: 2 };
        let report = honest_load(&Plan { flood, share, ..millis(server.address, 50) });
        assert_eq!(report.flood.unwrap().connections.asked, connections);
        assert_eq!(report.load.flood.unwrap().connections, 3);
    }
    let share = Share { index: 2, count: 3 };
    let error = try_load(&flooded(Plan { share, ..millis(server.address, 50) })).unwrap_err();
    assert_eq!(
        error,
        "there are fewer connections of the --flood than generators (--agent-count): each needs one"
    );
    server.stop_clean();
}

#[test]
fn a_stop_ends_both() {
    let server = Running::start(line(2));
    let plan = flooded(Plan { timeout: FOR_EVER, ..millis(server.address, 3_600_000) });
    let stop = Stop::default();
    let stopped = StopIn(Phase::Measuring, 100, stop.clone());
    let report = observed_load(&plan, &stop, stopped).0.unwrap();
    assert!(report.interrupted && report.messages.verified >= 100);
    assert_eq!(report.errors.total(), 0, "{:?}", report.findings);
    server.wait_for("the end of all connections", |stats| stats.open() == 0);
}

#[test]
fn a_stop_ends_a_flood_that_gets_no_answer() {
    let stop = Stop::default();
    let asked = stop.clone();
    let server = Scripted::start(move |peer| {
        while let Some(line) = peer.line() {
            if line.len() == SIZE {
                return peer.swallow();
            }
            peer.send(line);
        }
        // The run is over, and the flood is not.
        asked.stop();
    });
    let plan = flooded(Plan { timeout: FOR_EVER, ..millis(server.address, 50) });
    let report = observed_load(&plan, &stop, ()).0.unwrap();
    assert_eq!(report.flood.unwrap().messages, 0);
    expect_missing(&report, "no message of the flood came back");
}

#[test]
fn a_flood_that_cannot_connect_is_told_in_a_sentence() {
    let nobody = listen(1).local_addr().unwrap();
    let error = try_load(&flooded(millis(nobody, 50))).unwrap_err();
    assert!(error.starts_with(&format!("connect to {nobody}: ")), "{error}");
    let stop = Stop::default();
    stop.stop();
    let server = Running::start(line(1));
    let (result, ()) = observed_load(&flooded(millis(server.address, 50)), &stop, ());
    assert_eq!(result.unwrap_err(), "stopped before it began");
}
