//! For tests: made-up results.

use std::path::Path;

use echo_loadtest::compare::{self, CompareReport, Measured, ServerUse, Settings, Side};
use echo_loadtest::run_report::{Errors, RunReport, VerdictKind};
use echo_loadtest::{json, machine};

use crate::findings::outcome::Outcome;
use crate::results::{Comparison, Conditions, Header, Results};
use crate::setting::Setting;
use crate::workload::ALL;

/// Returns a report in which our server takes a tenth less than the peer, up to a hundredth.
pub(crate) fn report(rounds: u32, kind: VerdictKind) -> CompareReport {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../loadtest/schema/run.example.json");
    let example: RunReport = json::read(&example).unwrap();
    let settings =
        Settings { rounds, max_repeats: 0, seed: 7, fail_if: vec![], tells_rounds: false };
    let measure = |side, seed| Ok(measured(&example, side, seed, kind));
    compare::compare(&settings, "peer {port}", "server --port {port}", measure).unwrap()
}

fn measured(example: &RunReport, side: Side, seed: u64, kind: VerdictKind) -> Measured {
    let mut report = example.clone();
    report.verdict.kind = kind;
    report.errors = Errors::default();
    report.load.seed = seed;
    let part = match side {
        Side::A => 100,
        Side::B => 90 + seed % 3,
    };
    for times in [&mut report.service_time].into_iter().chain(&mut report.response_time) {
        (times.p50_ns, times.p99_ns) = (200 * part, 900 * part);
    }
    let part = part as f64;
    report.throughput.messages_per_s = 1e7 / part;
    let server = ServerUse {
        cpu_per_message_ns: Some(50.0 * part),
        memory_per_connection_bytes: Some(part),
    };
    Measured { report, server: Some(server) }
}

/// Returns a comparison under a workload.
pub(crate) fn comparison(workload: &str, peer: &str, kind: VerdictKind) -> Comparison {
    let setting = Setting::Pinned;
    let known = ALL.iter().find(|known| known.name() == workload).unwrap();
    let words = [&["--warmup", "1s"][..], &known.flags(setting)].concat();
    let report = CompareReport {
        command: words.into_iter().map(str::to_owned).collect(),
        b: format!("server --port {{port}} --num-workers {} {}", setting.workers(), known.ours),
        ..report(10, kind)
    };
    Comparison {
        workload: workload.to_owned(),
        peer: peer.to_owned(),
        conditions: Conditions {
            started_at: "2026-11-26T20:00:00Z".to_owned(),
            others_cpus: 0.01,
            stolen_cpus: 0.0,
        },
        outcome: Outcome::Compared(Box::new(report)),
    }
}

/// Returns the header of a run on this machine.
pub(crate) fn header(setting: Setting) -> Header {
    Header {
        setting,
        commit: "1234567".to_owned(),
        made_by: "cargo benchmark run".to_owned(),
        started_at: "2026-11-26T20:00:00Z".to_owned(),
        machine: machine::this(),
        rustc: "rustc 1.95.0".to_owned(),
        peers: vec![],
    }
}

/// Returns results with these comparisons, pinned.
pub(crate) fn results(comparisons: Vec<Comparison>) -> Results {
    Results::new(header(Setting::Pinned), comparisons)
}

/// Checks that each part is in the text.
///
/// # Panics
/// If one is not.
#[track_caller]
pub(crate) fn expect(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}
