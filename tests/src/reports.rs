//! Made-up reports of runs, on which pages, sums and tables are tested. They are the same each time,
//! and this is the only copy: unit tests of the load tester use them too.
//!
//! The figures in a report fit each other, as those of a real run do.

mod example;
mod made;
mod search;

use echo_loadtest::capacity::{CapacityReport, Settings};
use echo_loadtest::run_report::{
    Arrival, Errors, Finding, Objective, RunReport, Verdict, VerdictKind,
};

pub use self::example::{
    STARTED_S, at, closed_loop_of, example, example_capacity, example_comparison, open_loop_of,
    times,
};
use self::made::Made;
use self::search::Searched;

/// Returns a minute of a closed loop against a healthy server.
#[must_use]
pub fn closed_loop() -> RunReport {
    Made { median_ns: 380_000.0, ..Made::default() }.report()
}

/// Returns half a minute at a constant rate against a server that stalls for 100 ms every second. One
/// objective is met and one is not.
#[must_use]
pub fn open_loop_with_stalls() -> RunReport {
    let made = Made { seconds: 30, rate: Some(8_000.0), stall_ms: 100.0, ..Made::default() };
    let mut report = made.report();
    let (p50, p99) = (report.latency().p50_ns / 1_000, report.latency().p99_ns / 1_000_000);
    let objective = |text: &str, measured, met| Objective { text: text.to_owned(), measured, met };
    report.objectives = vec![
        objective("p50<1ms", format!("p50 was {p50} µs"), true),
        objective("p99<20ms", format!("p99 was {p99} ms"), false),
    ];
    report
}

/// Returns the same load on a healthy server.
#[must_use]
pub fn open_loop() -> RunReport {
    let made = Made { seconds: 30, rate: Some(8_000.0), median_ns: 210_000.0, ..Made::default() };
    let mut report = made.report();
    report.load.arrival = Arrival::Poisson;
    report
}

/// Returns a run against a server that lies, refuses and closes: every kind of error, findings with
/// text from the server, silence for two seconds, and fewer connections than asked for.
#[must_use]
pub fn failed() -> RunReport {
    let mut report = Made { seconds: 12, silent: 5..7, ..Made::default() }.report();
    report.errors = Errors {
        refused: 3,
        timeout: 41,
        reset: 2,
        closed_early: 1,
        short: 1,
        corrupt: 5,
        local: 1,
    };
    for (interval, errors) in report.intervals.iter_mut().zip([0, 0, 1, 0, 4, 38, 8]) {
        interval.errors = errors;
    }
    report.interrupted = true;
    (report.connections.established, report.connections.missing) = (46, 0.083);
    report.messages.asked = Some(2_000_000);
    report.verdict = Verdict {
        kind: VerdictKind::Incomplete,
        reasons: vec![
            format!("stopped after {:.1} s", report.throughput.duration_s),
            "46 of 50 connections were made".to_owned(),
            "connections that failed were not replaced: on average 9 of 100 were missing"
                .to_owned(),
            format!("{} of 2000000 messages came back", report.messages.verified),
        ],
    };
    report.findings = FINDINGS
        .iter()
        .map(|&(kind, connection, at_s, text)| Finding {
            kind: kind.to_owned(),
            connection,
            at_s,
            text: text.to_owned(),
        })
        .collect();
    report
}

const FINDINGS: [(&str, u64, f64, &str); 5] = [
    ("refused", 47, -0.012, "connect to 127.0.0.1:9000: Connection refused (os error 111)"),
    ("corrupt", 3, 2.204_118, r#"line 18203: altered at byte 17 of 64: "Z" was sent, "\x00" came"#),
    ("corrupt", 12, 4.100_02, "line 17310: line 17311 came before it (reordered)"),
    ("timeout", 8, 5.5, "no reply within 500ms, waiting for line 19114"),
    ("short", 31, 11.998, "closed after 24 of the 64 bytes of line 51400"),
];

/// Returns a run of a load tester on a machine that is too small for it.
#[must_use]
pub fn generator_limited() -> RunReport {
    let made = Made { seconds: 10, rate: Some(9_000.0), busy: 0.997, ..Made::default() };
    let mut report = made.report();
    report.load.rate = Some(12_000.0);
    report.messages.asked = Some(120_000);
    report.verdict = Verdict {
        kind: VerdictKind::GeneratorLimited,
        reasons: vec![
            "a thread of the load tester was busy 100 % of the time: use more threads, or a faster machine"
                .to_owned(),
            "the load tester sent 1 of 100 messages more than 1.910 ms later than it could have".to_owned(),
        ],
    };
    report
}

/// Returns a run against a server that never answers.
#[must_use]
pub fn silent() -> RunReport {
    let mut report = Made { seconds: 3, silent: 0..3, ..Made::default() }.report();
    report.errors.timeout = 50;
    report
}

/// Returns a run in which all text from outside tries to be markup.
#[must_use]
pub fn hostile() -> RunReport {
    let evil = HOSTILE.to_owned();
    let mut report = failed();
    report.program.clone_from(&evil);
    report.command = vec![evil.clone(), "--size=64".to_owned(), evil.clone()];
    report.target.clone_from(&evil);
    report.started_at.clone_from(&evil);
    report.ended_at.clone_from(&evil);
    let machine = &mut report.machine;
    for text in [&mut machine.system, &mut machine.kernel, &mut machine.cpu] {
        text.clone_from(&evil);
    }
    report.load.size.file = Some(evil.clone());
    report.load.source_ips = vec![evil.clone()];
    report.verdict.reasons = vec![evil.clone()];
    for finding in &mut report.findings {
        (finding.kind, finding.text) = (evil.clone(), evil.repeat(3));
    }
    report.objectives = vec![Objective { text: evil.clone(), measured: evil, met: false }];
    report
}

/// Returns a search that found the capacity, with rounds that do not count.
#[must_use]
pub fn capacity() -> CapacityReport {
    Searched { disturbed: 6, ..Searched::default() }.report(&["p99<1ms", "errors<0.1%"])
}

/// Returns a search that ended because of the load tester, for an objective at another percentile.
#[must_use]
pub fn capacity_at_least() -> CapacityReport {
    Searched { generator_limit: 20_000.0, ..Searched::default() }.report(&["p99.9<50ms", "p95<2ms"])
}

/// Returns a search that began far too high, and ended before any rate held.
#[must_use]
pub fn capacity_of_none() -> CapacityReport {
    let settings = Settings { start_rate: 100_000.0, min_rate: 25_000.0, ..Settings::default() };
    Searched { settings, ..Searched::default() }.report(&["p50<20us"])
}

/// Returns a search in which all text from outside tries to be markup.
#[must_use]
pub fn hostile_capacity() -> CapacityReport {
    let evil = HOSTILE.to_owned();
    let mut report = capacity();
    report.program.clone_from(&evil);
    report.command = vec![evil.clone(), evil.clone()];
    report.target.clone_from(&evil);
    report.started_at.clone_from(&evil);
    report.conclusion.clone_from(&evil);
    report.objectives.push(evil.clone());
    report.machine.cpu.clone_from(&evil);
    report.load.size.file = Some(evil.clone());
    for round in &mut report.rounds {
        round.verdict.reasons = vec![evil.clone()];
        for objective in &mut round.objectives {
            (objective.text, objective.measured) = (evil.clone(), evil.clone());
        }
    }
    report
}

/// Text that opens a tag, ends an attribute of either kind, a comment, a style and a script, names an
/// entity and a template, and is long without a place for a line break.
pub const HOSTILE: &str = concat!(
    r#"<script>document.title='broken'</script><img src=x onerror="document.title='broken'">"#,
    r#"'"--></style></title>&lt;{{ 7*7 }}<svg/onload=alert(1)>$\alpha$"#,
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
);
