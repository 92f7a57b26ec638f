use std::path::{Path, PathBuf};

use echo_loadtest::json;
use echo_loadtest::run_report::{Errors, RunReport};

use crate::{loadtest, run};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/run.example.json")
}

/// Returns the example as one of two agents reports it, without faults.
fn report(index: u32) -> RunReport {
    let mut report = json::read(&example()).unwrap();
    (report.load.agent_index, report.load.agent_count) = (index, 2);
    report.errors = Errors::default();
    report.objectives.clear();
    report
}

fn written(folder: &Path, index: u32, change: impl FnOnce(&mut RunReport)) -> PathBuf {
    let path = folder.join(format!("{index}.json"));
    let mut report = report(index);
    change(&mut report);
    json::write(&path, &report).unwrap();
    path
}

#[test]
fn two_reports_become_one_with_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let merged = folder.path().join("merged.json");
    let parts = [1, 0].map(|index| written(folder.path(), index, |_| ()));
    let (code, table, stderr) = run(loadtest().arg("merge").args(parts).arg("--json").arg(&merged));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(table.starts_with("VALID\n") && table.contains("2 of 2, merged"), "{table}");
    let merged = json::read(&merged).unwrap();
    assert_eq!((merged.agents, merged.messages.verified), (2, 20_000));
    let latency = merged.latency().to_histogram().unwrap();
    assert_eq!(latency.len(), 20_000);
}

#[test]
fn a_document_on_standard_output_is_alone_there() {
    let folder = tempfile::tempdir().unwrap();
    let parts = [0, 1].map(|index| written(folder.path(), index, |_| ()));
    let (code, document, table) = run(loadtest().arg("merge").args(parts).args(["--json", "-"]));
    assert_eq!(code, Some(0));
    let merged: RunReport = serde_json::from_str(&document).unwrap();
    assert_eq!(merged.agents, 2);
    assert!(table.starts_with("VALID\n"), "{table}");
}

#[test]
fn the_exit_code_is_that_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let first = written(folder.path(), 0, |_| ());
    let corrupt = written(folder.path(), 1, |report| report.errors.corrupt = 1);
    let (code, table, _) = run(loadtest().arg("merge").args([&first, &corrupt]));
    assert_eq!(code, Some(1));
    assert!(table.contains("1 corrupt"), "{table}");
    let other = written(folder.path(), 1, |report| report.load.agent_count = 3);
    let first = written(folder.path(), 0, |report| report.load.agent_count = 3);
    let (code, table, _) = run(loadtest().arg("merge").args([first, other]));
    assert_eq!(code, Some(3));
    assert!(table.starts_with("INCOMPLETE\n  there is no report of agent 2 of 3\n"), "{table}");
}

#[test]
fn what_cannot_be_merged_is_told_in_a_sentence_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let first = written(folder.path(), 0, |_| ());
    let second = written(folder.path(), 1, |report| report.load.depth = 7);
    let (code, stdout, stderr) = run(loadtest().arg("merge").args([&first, &second]));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let (first, second) = (first.display(), second.display());
    let told = format!("loadtest: {first} and {second} are not of the same load: depth is 1 in");
    assert!(stderr.starts_with(&told), "{stderr}");
    let (code, _, stderr) = run(loadtest().args(["merge", "no.json", "such.json"]));
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("loadtest: read no.json: "), "{stderr}");
}
