use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::{loadtest, run};

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, script, stderr) = run(loadtest().args(["completions", shell]));
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        for word in ["loadtest", "messages-per-connection", "capacity", "fail-if"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// Reads only the beginning, as some shells do.
#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = loadtest()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {stderr}", output.status);
}

#[test]
fn every_command_has_its_page_in_a_folder_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    assert_eq!(run(loadtest().arg("man").arg(&pages)), (Some(0), String::new(), String::new()));
    for name in ["", "-run", "-capacity", "-compare", "-merge", "-report", "-completions", "-man"] {
        let page = fs::read_to_string(pages.join(format!("loadtest{name}.1"))).unwrap();
        assert!(page.contains(".TH loadtest"), "{name}: {page}");
    }
    let run_page = fs::read_to_string(pages.join("loadtest-run.1")).unwrap();
    for text in ["ECHO_LOADTEST_SEND_BURST", "Exit codes"] {
        assert!(run_page.contains(text), "{text}");
    }
}

#[test]
fn there_is_a_page_of_runs_or_of_a_capacity() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let example = |kind: &str| schema.join(format!("{kind}.example.json"));
    let report =
        |files: &[&Path]| run(loadtest().arg("report").args(files).arg("--html").arg(&page));
    let (one, capacity, compare) = (example("run"), example("capacity"), example("compare"));
    for (files, words) in [
        (&[one.as_path(), &one][..], "<title>2 runs · loadtest</title>"),
        (&[capacity.as_path()], "<title>capacity.example · loadtest</title>"),
    ] {
        assert_eq!(report(files), (Some(0), String::new(), String::new()));
        let page = fs::read_to_string(&page).unwrap();
        assert!(page.contains(words), "{words}: {}", &page[..600]);
    }
    for (files, words) in [
        (
            &[one.as_path(), &capacity][..],
            "is a search for the capacity: it needs a page of its own",
        ),
        (&[compare.as_path()], "there is no page of a comparison"),
    ] {
        let (code, _, stderr) = report(files);
        assert_eq!(code, Some(1));
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("man");
    let (code, _, stderr) = run(loadtest().arg("man").arg(&folder));
    assert_eq!(code, Some(1));
    let told = format!("loadtest: write manual pages to {}: ", folder.display());
    assert!(stderr.starts_with(&told), "{stderr}");
}
