//! Several generators that share a load, as a job on several machines starts them.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use echo_loadtest::distribution::Distribution;
use echo_loadtest::json;
use echo_server::Config;
use echo_tests::running::{Running, line};

use crate::{loadtest, run};

const AGENTS: u32 = 4;

/// Returns a start of the load that is far enough ahead for all generators to be ready.
fn soon() -> String {
    let at = SystemTime::now() + Duration::from_secs(1);
    humantime::format_rfc3339_nanos(at).to_string()
}

fn start(server: &Running, folder: &Path, index: u32, start_at: &str) -> Child {
    let file = |ending| folder.join(format!("{index}.{ending}"));
    loadtest()
        .args(["run", &server.address.to_string()])
        .args(["--connections", "10", "--rate", "2000", "--arrival", "poisson", "--seed", "7"])
        .args(["--duration", "1s", "--warmup", "200ms", "--quiet", "--start-at", start_at])
        .args(["--agent-count", &AGENTS.to_string()])
        .env("JOB_COMPLETION_INDEX", index.to_string())
        .arg("--json")
        .arg(file("json"))
        .arg("--samples")
        .arg(file("csv"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads the times of all messages in a file: from when they were due, and from when they were sent.
fn samples(path: &Path) -> Vec<(u64, u64)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(1);
    lines
        .map(|line| {
            let numbers: Vec<u64> = line.split(',').map(|number| number.parse().unwrap()).collect();
            let [_, due_ns, sent_ns, back_ns] = numbers[..] else { panic!("four: {line}") };
            (back_ns - due_ns, back_ns - sent_ns)
        })
        .collect()
}

/// Checks that a distribution is that of these times, as exactly as it keeps them.
#[track_caller]
fn check(distribution: &Distribution, mut times: Vec<u64>) {
    times.sort_unstable();
    assert_eq!(distribution.count, times.len() as u64);
    let at = |part: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "the rank is at most the length")]
        #[expect(clippy::cast_sign_loss, reason = "the rank is positive")]
        let rank = ((part * times.len() as f64).ceil() as usize).clamp(1, times.len());
        times[rank - 1]
    };
    for (part, shown) in [
        (0.5, distribution.p50_ns),
        (0.9, distribution.p90_ns),
        (0.99, distribution.p99_ns),
        (0.999, distribution.p99_9_ns),
        (1.0, distribution.max_ns),
    ] {
        let difference = shown.abs_diff(at(part)) as f64;
        assert!(difference <= at(part) as f64 / 1_000.0, "{part}: {shown} is not {}", at(part));
    }
}

#[test]
fn a_start_in_the_past_is_said_to_be_late() {
    for (start, is_late) in [(&["--start-at", "2026-01-01T00:00:00Z"][..], true), (&[], false)] {
        let mut command = loadtest();
        command.args(["--count", "100", "--warmup", "0", "--quiet"]).args(start);
        let (code, table, stderr) = run(&mut command);
        assert!(matches!(code, Some(0 | 3)), "{table}{stderr}");
        let warned = stderr.contains("[WARN ] the start time has passed late=");
        assert_eq!(warned, is_late, "{start:?}: {stderr}");
    }
}

#[test]
fn four_generators_merged_are_one_with_the_percentiles_of_all_raw_samples() {
    let server = Running::start(Config { report_interval: None, ..line(2) });
    let folder = tempfile::tempdir().unwrap();
    let start_at = soon();
    let agents: Vec<Child> =
        (0..AGENTS).map(|index| start(&server, folder.path(), index, &start_at)).collect();
    for mut agent in agents {
        // VALID or not depends on what else the machine does.
        assert!(matches!(agent.wait().unwrap().code(), Some(0 | 3)), "it failed");
    }
    let parts = (0..AGENTS).map(|index| folder.path().join(format!("{index}.json")));
    let merged = folder.path().join("merged.json");
    let (code, table, _) = run(loadtest().arg("merge").args(parts).arg("--json").arg(&merged));
    assert!(matches!(code, Some(0 | 3)), "{table}");
    let merged = json::read(&merged).unwrap();
    let all = (0..AGENTS).map(|index| samples(&folder.path().join(format!("{index}.csv"))));
    let (response, service): (Vec<_>, Vec<_>) = all.flatten().unzip();
    check(merged.response_time.as_ref().unwrap(), response);
    check(&merged.service_time, service);
    assert_eq!((merged.agents, merged.connections.established), (AGENTS, 10));
    assert_eq!(merged.messages.verified, merged.service_time.count);
    server.stop_clean();
}
