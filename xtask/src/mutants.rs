//! Known faults, each planted alone into a copy of the sources: the check that its patch names must
//! fail. So every kind of check has shown that it can.
//!
//! A patch in `xtask/mutants` says what it breaks, then `Caught by:` and a command, maybe several, then
//! the change.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use tempfile::TempDir;

use crate::cargo::{target_dir, workspace};
use crate::check::{Check, kept, skipped};

/// A check that takes this long hangs, which catches a fault too.
const PATIENCE: &str = "20m";

/// Stands before a command that must catch the fault.
const CAUGHT_BY: &str = "Caught by: ";

/// What cargo says when the fault is none that a test could catch.
const NOT_BUILT: [&str; 2] = ["could not compile", "error: no such command"];

/// What a check says, of cargo or of ours, before it can fail.
const RAN: [&str; 2] = ["running ", "FAILED "];

struct Mutant {
    name: String,
    patch: PathBuf,
    commands: Vec<String>,
}

/// The checks as they are, which must pass; then a check for each fault whose name contains `filter`.
pub(crate) fn checks(filter: Option<&str>) -> Vec<Check> {
    let filter = filter.unwrap_or_default();
    let mutants: Vec<Mutant> =
        all().into_iter().filter(|mutant| mutant.name.contains(filter)).collect();
    let copy = Rc::new(copy_of_the_sources());
    let commands: BTreeSet<String> =
        mutants.iter().flat_map(|mutant| mutant.commands.clone()).collect();
    let passes = commands.into_iter().map(|command| {
        let copy = Rc::clone(&copy);
        Check::new(format!("as it is: {command}"), move || {
            let (passes, said) = run(copy.path(), &command);
            assert!(passes, "fails without any fault:\n{said}");
            kept("passes")
        })
    });
    let catches = mutants.into_iter().map(|mutant| {
        let copy = Rc::clone(&copy);
        Check::new(mutant.name.clone(), move || {
            apply(copy.path(), &mutant.patch, false);
            let results: Vec<_> =
                mutant.commands.iter().map(|command| run(copy.path(), command)).collect();
            apply(copy.path(), &mutant.patch, true);
            for (command, (passes, said)) in mutant.commands.iter().zip(results) {
                if passes && said.lines().any(|line| line.starts_with("skipped ")) {
                    return skipped(format_args!("{command} cannot run here"));
                }
                assert!(!passes, "not caught by {command}");
                let is_built = NOT_BUILT.iter().all(|words| !said.contains(words));
                assert!(is_built, "does not build:\n{said}");
                let has_run = RAN.iter().any(|words| said.contains(words));
                assert!(has_run, "{command} failed before it checked anything:\n{said}");
            }
            kept(format_args!("caught by {}", mutant.commands.join(", by ")))
        })
    });
    passes.chain(catches).collect()
}

/// All patches, by name.
fn all() -> Vec<Mutant> {
    let folder = workspace().join("xtask/mutants");
    let mut patches: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    patches.sort();
    patches.into_iter().map(read).collect()
}

fn read(patch: PathBuf) -> Mutant {
    let name = patch.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(&patch).unwrap();
    let commands = text.lines().filter_map(|line| line.strip_prefix(CAUGHT_BY));
    let commands: Vec<String> = commands.map(str::to_owned).collect();
    assert!(!commands.is_empty(), "{name} names no command");
    Mutant { name, patch, commands }
}

/// What git knows or would take up, as it is now.
fn copy_of_the_sources() -> TempDir {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let copy = tempfile::tempdir().unwrap();
    for name in listed.stdout.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let name = Path::new(std::str::from_utf8(name).unwrap());
        let (from, to) = (workspace().join(name), copy.path().join(name));
        if from.is_file() {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
    copy
}

/// Plants a fault, or takes it out again.
fn apply(dir: &Path, patch: &Path, reverse: bool) {
    let mut command = Command::new("git");
    command.args(["apply", "-p0", "--whitespace=nowarn"]).current_dir(dir);
    if reverse {
        command.arg("--reverse");
    }
    let output = command.arg(patch).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} does not apply: {said}", patch.display());
}

/// Runs a command in the copy. Returns whether it succeeded, and what it said.
fn run(dir: &Path, command: &str) -> (bool, String) {
    let output = Command::new("timeout")
        .args(["--kill-after=10s", PATIENCE])
        .args(command.split_whitespace())
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", target_dir().join("mutants"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_applies() {
        let copy = copy_of_the_sources();
        for mutant in all() {
            apply(copy.path(), &mutant.patch, false);
            apply(copy.path(), &mutant.patch, true);
        }
    }
}
