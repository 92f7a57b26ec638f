use echo_tests::reports;

use super::*;
use crate::harness;
use crate::report::distribution::{Distribution, MAX_NS};
use crate::report::run_report::{Arrival, Errors, GeneratorThread, Objective, VerdictKind};

#[track_caller]
fn check(report: &RunReport, expected: &str) {
    let shown = render(report);
    assert!(shown == expected, "shown:\n{shown}\nexpected:\n{expected}");
}

#[test]
fn a_valid_run_is_shown_whole() {
    check(&harness::example(), include_str!("tests/valid.txt"));
}

/// Returns a run that differs from the valid one in everything that the table shows.
fn doubtful_run() -> RunReport {
    let mut report = harness::example();
    report.verdict.kind = VerdictKind::Incomplete;
    report.verdict.reasons = vec!["47 of 50 connections were made".to_owned()];
    report.interrupted = true;
    report.agents = 2;
    let load = &mut report.load;
    (load.agent_count, load.depth, load.arrival, load.rate) = (3, 32, Arrival::Closed, None);
    (load.size.min, load.size.max) = (64, 65_536);
    load.size.file = Some("messages.txt".to_owned());
    load.messages_per_connection = Some(1);
    report.messages.asked = None;
    report.messages.unsent = 12;
    report.connections.established = 47;
    report.response_time = None;
    report.generator.lateness = None;
    report.service_time = Distribution::new(&reports::times(&[(700, 9_900), (MAX_NS, 100)]));
    report.connect_time = Distribution::new(&reports::times(&[]));
    report.errors = Errors { refused: 3, corrupt: 1_000, ..Errors::default() };
    if let Some(flood) = &mut report.flood {
        flood.connections.established = 3;
        flood.errors.corrupt = 1;
        flood.busy = Some(0.99);
    }
    report.findings = vec![report.findings[0].clone(); MAX_FINDINGS + 2];
    let idle = GeneratorThread { busy: 0.5, waiting: 0.0, cpu_s: 1.0 };
    report.generator.threads.push(idle);
    report.objectives.push(Objective {
        text: "errors<0.1%".to_owned(),
        measured: "errors 0.5 %".to_owned(),
        met: false,
    });
    report
}

#[test]
fn a_doubtful_run_says_so_first() {
    check(&doubtful_run(), include_str!("tests/doubtful.txt"));
}

#[test]
fn counted_messages_do_not_flatter_a_slow_server() {
    let mut report = harness::open_loop_of(1_000.0, [1_000; 300]);
    (report.load.count, report.load.duration_s) = (Some(300), None);
    (report.throughput.duration_s, report.throughput.messages_per_s) = (3.0, 100.0);
    let shown = render(&report);
    assert!(shown.contains("100 messages/s of 1,000 asked (10.0 %)"), "{shown}");
}

#[test]
fn times_that_end_when_the_system_received_are_said_to() {
    let mut report = harness::example();
    assert!(!render(&report).contains("the system received"));
    report.load.kernel_timestamps = true;
    for (without_stamp, but) in [
        (None, ""),
        (Some(0), ""),
        (Some(1_234), "; 1,234 messages without a timestamp count as received when they were read"),
    ] {
        report.generator.without_stamp = without_stamp;
        let shown = render(&report);
        let told = format!("\ntimes          end when the kernel received the message{but}\n");
        assert!(shown.contains(&told), "{shown}");
    }
}

#[test]
fn a_run_without_faults_says_none() {
    let mut report = harness::example();
    report.errors = Errors::default();
    report.findings.clear();
    report.objectives.clear();
    report.flood = None;
    let shown = render(&report);
    assert!(!shown.contains("flood"), "{shown}");
    assert!(shown.contains("\nerrors         none\n"), "{shown}");
    assert!(!shown.contains("objectives"), "{shown}");
}

#[test]
fn a_report_cannot_write_to_the_terminal_but_text() {
    let mut report = harness::example();
    report.findings[0].text = "\x1b[2J\r\x07".to_owned();
    let shown = render(&report);
    assert!(
        shown.chars().all(|character| character == '\n' || !character.is_control()),
        "{shown:?}"
    );
}
