//! Several generators share a load: each takes its part, and the parts add up to the whole.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use echo_loadtest::plan::{Arrival, Plan, Share};
use echo_loadtest::run_report::RunReport;

use crate::load::{count, honest_load, load, millis, try_load};
use crate::scripted::Scripted;

/// Runs all agents of a load at the same time.
fn load_by(agents: u32, plan: &Plan, run: fn(&Plan) -> RunReport) -> Vec<RunReport> {
    thread::scope(|scope| {
        let start = |index| {
            let plan = Plan { share: Share { index, count: agents }, ..plan.clone() };
            scope.spawn(move || run(&plan))
        };
        let threads: Vec<_> = (0..agents).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("the agent's run is right")).collect()
    })
}

fn sum(reports: &[RunReport], of: fn(&RunReport) -> u64) -> u64 {
    reports.iter().map(of).sum()
}

#[test]
fn parts_are_exact_and_no_line_is_anothers() {
    let lines = Arc::new(Mutex::new(HashSet::new()));
    let collected = Arc::clone(&lines);
    let server = Scripted::start(move |peer| {
        while let Some(line) = peer.line() {
            peer.send(&line);
            collected.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
        }
    });
    for (agents, connections, messages) in [(3, 8, 500), (4, 4, 4), (2, 3, 2)] {
        let plan = Plan { connections, threads: 2, ..count(server.address, messages) };
        let accepted = server.accepted();
        let reports = load_by(agents, &plan, load);
        assert_eq!(sum(&reports, |report| report.connections.asked), u64::from(connections));
        assert_eq!(sum(&reports, |report| report.messages.asked.unwrap()), messages);
        assert_eq!(sum(&reports, |report| report.messages.verified), messages);
        assert_eq!(server.accepted() - accepted, connections as usize);
        let lines = std::mem::take(&mut *lines.lock().unwrap());
        assert_eq!(lines.len() as u64, messages, "lines that differ");
    }
}

#[test]
fn connections_have_their_numbers_in_the_whole_load() {
    let server = Scripted::start(|peer| {
        peer.line();
        peer.send("wrong\n");
        peer.swallow();
    });
    let plan = Plan { connections: 8, ..count(server.address, 8) };
    let reports = load_by(3, &plan, load);
    for (index, report) in (0..).zip(&reports) {
        let mut numbers: Vec<_> = report.findings.iter().map(|found| found.connection).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (index..8).step_by(3).collect::<Vec<_>>());
    }
}

#[test]
fn the_rate_is_that_of_all_together() {
    let server = Scripted::start(|peer| peer.echo_all());
    let arrival = Arrival::Constant(400.0);
    let plan = Plan { arrival, connections: 7, depth: 64, ..millis(server.address, 300) };
    let reports = load_by(3, &plan, honest_load);
    assert_eq!(sum(&reports, |report| report.messages.asked.unwrap()), 120);
    let parts: Vec<_> = reports.iter().map(|report| report.messages.asked.unwrap()).collect();
    assert!(parts.iter().all(|&part| part >= 120 * 2 / 7 - 1), "{parts:?}");
}

#[test]
fn each_agent_needs_a_connection() {
    let server = Scripted::start(|peer| peer.echo_all());
    let share = Share { index: 3, count: 4 };
    let error = try_load(&Plan { share, ..count(server.address, 10) }).unwrap_err();
    assert!(error.starts_with("there are fewer --connections than generators"), "{error}");
}
