//! The commands that load a server. The machine may be busy with other work, so tests that do not check
//! figures accept both VALID and GENERATOR-LIMITED.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use echo_loadtest::json;
use echo_loadtest::run_report::{RunReport, VerdictKind};
use echo_server::Config;
use echo_tests::process::{Process, server_binary};
use echo_tests::running::{Running, line};
use nix::sys::signal::Signal;

use crate::{loadtest, run};

fn server() -> Running {
    Running::start(Config { report_interval: None, ..line(2) })
}

/// Returns a command with a short load on a server. Further flags may follow.
fn load(server: &Running) -> Command {
    let mut command = loadtest();
    command.args(["run", &server.address.to_string(), "--connections", "4", "--threads", "2"]);
    command.args(["--duration", "300ms", "--warmup", "50ms"]).env("ECHO_LOADTEST_QUIET", "true");
    command
}

#[test]
fn without_a_command_the_embedded_server_is_measured() {
    let (code, table, stderr) = run(loadtest().args(["--count", "1000", "--warmup", "0"]));
    assert!(matches!(code, Some(0 | 3)), "{table}{stderr}");
    assert!(table.contains("1,000 verified of 1,000 asked"), "{table}");
}

#[test]
fn without_a_command_the_target_of_the_environment_is_measured() {
    let server = server();
    let mut command = loadtest();
    command.args(["--count", "1000", "--warmup", "0"]);
    command.env("ECHO_LOADTEST_TARGET", server.address.to_string());
    let (code, table, stderr) = run(&mut command);
    assert!(matches!(code, Some(0 | 3)), "{table}{stderr}");
    assert!(table.contains(&server.address.to_string()), "{table}");
    server.stop_clean();
}

#[test]
fn everything_that_can_be_written_is_of_the_same_run() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name);
    let mut command = load(&server);
    command.args(["--rate", "1000", "--slo", "p50<1ns,errors<=0"]);
    command.arg("--json").arg(file("run.json")).arg("--html").arg(file("run.html"));
    command.arg("--hdr").arg(file("run.hlog")).arg("--samples").arg(file("run.csv"));
    let (code, table, stderr) = run(&mut command);
    assert!(matches!(code, Some(99 | 3)), "{table}{stderr}");
    let report = json::read(&file("run.json")).unwrap();
    assert_eq!(report.messages.asked, Some(300));
    assert_eq!(report.errors.total(), 0);
    let met: Vec<bool> = report.objectives.iter().map(|objective| objective.met).collect();
    assert_eq!(met, [false, true]);
    let text = |name| std::fs::read_to_string(file(name)).unwrap();
    assert_eq!(text("run.csv").lines().count() as u64, 1 + report.messages.verified);
    assert!(text("run.html").starts_with("<!DOCTYPE html>"));
    let logged = text("run.hlog").lines().filter(|line| line.contains("HISTFAAA")).count();
    assert_eq!(logged, report.intervals.len());
    server.stop_clean();
}

#[test]
fn a_flood_is_told_of_and_its_variables_are_read() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let document = folder.path().join("run.json");
    let mut command = load(&server);
    command.args(["--flood", "2"]).env("ECHO_LOADTEST_FLOOD_SIZE", "4KiB");
    command.arg("--json").arg(&document).env("ECHO_LOADTEST_FLOOD_DEPTH", "3");
    let (code, table, _) = run(&mut command);
    assert!(matches!(code, Some(0 | 3)), "{table}");
    assert!(table.contains("2 of 2 established, 3 of 4.10 kB in flight on each, "), "{table}");
    let report = json::read(&document).unwrap();
    assert!(report.flood.is_some_and(|flood| flood.bytes > 0), "{table}");
    server.stop_clean();
}

#[test]
fn a_server_that_is_not_there_is_told_in_a_sentence() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let (code, stdout, stderr) = run(loadtest().args(["run", &nobody, "--quiet"]));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with(&format!("loadtest: connect to {nobody}: ")), "{stderr}");
    assert_eq!(stderr.lines().count(), 1);
}

#[test]
fn a_signal_ends_the_run_with_what_was_found_until_then() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let path = folder.path().join("run.json");
    let mut command = loadtest();
    command.args(["run", &server.address.to_string(), "--connections", "2", "--warmup", "0"]);
    command.args(["--duration", "1h", "--report-interval", "50ms", "--json"]).arg(&path);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = Process::spawn(command);
    server.wait_for("messages", |stats| stats.messages > 100);
    process.signal(Signal::SIGINT);
    let finished = process.wait();
    assert_eq!(finished.code, Some(130), "{}", finished.stderr);
    assert!(finished.stdout.contains("stopped after"), "{}", finished.stdout);
    let report = json::read(&path).unwrap();
    assert!(report.interrupted && report.messages.verified > 0, "{:?}", report.messages);
    assert_ne!(report.verdict.kind, VerdictKind::Valid);
    // The load tester does not wait for messages in flight, so a connection may be reset.
    server.stop();
}

#[test]
fn a_document_on_standard_output_leaves_the_table_to_standard_error() {
    let server = server();
    let (code, document, table) =
        run(load(&server).args(["--json", "-"]).env("ECHO_LOADTEST_QUIET", "false"));
    assert!(matches!(code, Some(0 | 3)), "{table}");
    let report: RunReport = serde_json::from_str(&document).unwrap();
    assert_eq!(report.connections.established, 4);
    assert!(table.contains("4 of 4 established"), "{table}");
    server.stop_clean();
}

/// Both outputs of a container go to one log, so other text would spoil the document.
#[test]
fn a_quiet_run_with_a_document_on_standard_output_says_nothing_else() {
    let server = server();
    let (code, document, stderr) = run(load(&server).args(["--json", "-"]));
    assert!(matches!(code, Some(0 | 3)), "{stderr}");
    assert!(serde_json::from_str::<RunReport>(&document).is_ok(), "{document}");
    assert_eq!(stderr, "");
    server.stop_clean();
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_costs_no_other_result() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    for flag in ["--hdr", "--samples"] {
        let path = folder.path().join(format!("{flag}.json"));
        let (code, table, stderr) =
            run(load(&server).args([flag, "/dev/full", "--json"]).arg(&path));
        assert_eq!(code, Some(1), "{flag}: {stderr}");
        assert!(stderr.starts_with("loadtest: write /dev/full: "), "{flag}: {stderr}");
        assert!(table.contains("4 of 4 established"), "{flag}: {table}");
        assert!(json::read(&path).is_ok(), "{flag}");
    }
    server.stop_clean();
}

#[test]
fn one_of_several_generators_shows_the_progress_of_its_own_part() {
    let server = server();
    let (code, _, log) = run(loadtest()
        .args(["run", &server.address.to_string(), "--connections", "7", "--warmup", "0"])
        .args(["--agent-count", "2", "--agent-index", "0", "--duration", "500ms"])
        .args(["--report-interval", "50ms"]));
    assert!(matches!(code, Some(0 | 3)), "{log}");
    assert!(log.contains(" connections=4/4 "), "{log}");
    server.stop_clean();
}

#[test]
fn two_servers_that_are_started_are_compared_and_stopped() {
    let command = format!("{} --port {{port}} --num-workers 1", server_binary().display());
    let (code, table, stderr) = run(loadtest()
        .args(["compare", "--a", &command, "--b", &command, "--rounds", "2", "--quiet"])
        .args(["--connections", "2", "--duration", "100ms", "--warmup", "20ms"])
        .args(["--json", "-"]));
    assert!(matches!(code, Some(0 | 3)) && stderr.is_empty(), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&table).unwrap();
    assert_eq!(report["format"], "echo-loadtest/compare/1");
    assert!(report["rounds"].as_array().is_some_and(|rounds| rounds.len() >= 2), "{report}");
    assert!(report["rounds"][0]["a"]["cpu_per_message_ns"].is_f64() || !cfg!(target_os = "linux"));
}

#[cfg(target_os = "linux")]
#[test]
fn servers_on_the_core_of_the_load_tester_are_told_of() {
    let cpu = echo_common::cpus::allowed().unwrap().numbers()[0].to_string();
    let (code, _, stderr) = run(loadtest()
        .args(["compare", "--a", "127.0.0.1:1", "--b", "127.0.0.1:1", "--quiet"])
        .args(["--pin-server", &cpu, "--pin-client", &cpu]));
    assert_eq!(code, Some(1), "{stderr}");
    let told = format!("one core: server_cpu={cpu} client_cpu={cpu}");
    assert!(stderr.contains(&told), "{stderr}");
}

#[test]
fn a_capacity_is_searched_up_to_a_rate() {
    let server = server();
    let (code, table, stderr) = run(loadtest()
        .args(["capacity", &server.address.to_string(), "--slo", "errors<=0", "--quiet"])
        .args(["--rate", "500", "--max-rate", "1000", "--repeats", "1", "--connections", "2"])
        .args(["--duration", "100ms", "--warmup", "20ms"]));
    assert!(matches!(code, Some(0 | 3)) && stderr.is_empty(), "{table}{stderr}");
    assert!(table.contains("capacity"), "{table}");
    server.stop_clean();
}
