//! For tests: results of measurements that never were.

use std::path::Path;

use echo_loadtest::compare::{self, CompareReport, Measured, ServerUse, Settings, Side};
use echo_loadtest::run_report::{Errors, RunReport, VerdictKind};
use echo_loadtest::{json, machine};

use crate::results::raw::{Context, Outcome, Raw};
use crate::workload::{ALL, Setting};

/// A comparison in which our server takes a tenth less than the peer, give or take a hundredth.
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
    #[allow(clippy::cast_precision_loss)] // Small.
    let part = part as f64;
    report.throughput.messages_per_s = 1e7 / part;
    let server = ServerUse {
        cpu_per_message_ns: Some(50.0 * part),
        memory_per_connection_bytes: Some(part),
    };
    Measured { report, server: Some(server) }
}

/// The same of a workload, kept.
pub(crate) fn raw(workload: &str, peer: &str, kind: VerdictKind) -> Raw {
    raw_in(Setting::Pinned, workload, peer, kind)
}

/// The same in a setting.
pub(crate) fn raw_in(setting: Setting, workload: &str, peer: &str, kind: VerdictKind) -> Raw {
    let known = ALL.iter().find(|known| known.name() == workload).unwrap();
    let words = [&["--warmup", "1s"][..], &known.flags(setting)].concat();
    let report = CompareReport {
        command: words.into_iter().map(str::to_owned).collect(),
        b: format!("server --port {{port}} --num-workers {} {}", setting.workers(), known.ours),
        ..report(10, kind)
    };
    Raw {
        setting,
        workload: workload.to_owned(),
        peer: peer.to_owned(),
        version: "1".to_owned(),
        context: Context {
            machine: machine::this(),
            started_at: "2026-11-26T20:00:00Z".to_owned(),
            rustc: "rustc 1.95.0".to_owned(),
            commit: "1234567".to_owned(),
            others_cpus: 0.01,
            stolen_cpus: 0.0,
        },
        outcome: Outcome::Compared(Box::new(report)),
        is_outdated: false,
    }
}
