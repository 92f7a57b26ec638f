//! Plants known faults into a copy of the sources, one at a time. The check that a patch names must then
//! fail. This shows that every kind of check can fail.
//!
//! A patch in `xtask/mutants` begins with a sentence that says what it breaks. One or more lines with
//! `Caught by:` and a command follow, then the change itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use tempfile::TempDir;

use crate::cargo::{target_dir, workspace};
use crate::check::{Check, Outcome, passed, skipped};

/// How long a command may take. A check that takes longer hangs, and so catches the fault.
const TIMEOUT: &str = "20m";

/// The words before a command that must catch the fault.
const CAUGHT_BY: &str = "Caught by: ";

/// Words that cargo prints if the command failed before any test could run.
const NOT_BUILT: [&str; 2] = ["could not compile", "error: no such command"];

/// Words that cargo's tests and our checks print once they run.
const RAN: [&str; 2] = ["running ", "FAILED "];

struct Mutant {
    name: String,
    patch: PathBuf,
    commands: Vec<String>,
}

/// Whether to plant a fault or to take it out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Plant,
    Remove,
}

/// The result of a command in the copy.
struct Run {
    passed: bool,
    output: String,
}

/// Returns a check that each command passes on the unchanged sources, then a check for each fault whose
/// name contains `filter`.
pub(crate) fn checks(filter: Option<&str>) -> Vec<Check> {
    let filter = filter.unwrap_or_default();
    let mutants: Vec<Mutant> =
        mutants().into_iter().filter(|mutant| mutant.name.contains(filter)).collect();
    let copy = Rc::new(copy_of_the_sources());
    let commands: BTreeSet<String> =
        mutants.iter().flat_map(|mutant| mutant.commands.clone()).collect();
    let passes = commands.into_iter().map(|command| {
        let copy = Rc::clone(&copy);
        Check::new(format!("as it is: {command}"), move || passes(copy.path(), &command))
    });
    let catches = mutants.into_iter().map(|mutant| {
        let copy = Rc::clone(&copy);
        Check::new(mutant.name.clone(), move || is_caught(copy.path(), &mutant))
    });
    passes.chain(catches).collect()
}

/// Checks that a command passes on the unchanged sources.
fn passes(dir: &Path, command: &str) -> Outcome {
    let Run { passed: has_passed, output } = run(dir, command);
    assert!(has_passed, "fails without any fault:\n{output}");
    passed("passes")
}

/// Plants a fault and checks that each command of its patch fails.
fn is_caught(dir: &Path, mutant: &Mutant) -> Outcome {
    apply(dir, &mutant.patch, Direction::Plant);
    let runs: Vec<Run> = mutant.commands.iter().map(|command| run(dir, command)).collect();
    apply(dir, &mutant.patch, Direction::Remove);
    for (command, Run { passed, output }) in mutant.commands.iter().zip(runs) {
        if passed && output.lines().any(|line| line.starts_with("skipped ")) {
            return skipped(format_args!("{command} cannot run here"));
        }
        assert!(!passed, "not caught by {command}");
        let is_built = NOT_BUILT.iter().all(|words| !output.contains(words));
        assert!(is_built, "does not build:\n{output}");
        let has_run = RAN.iter().any(|words| output.contains(words));
        assert!(has_run, "{command} failed before it checked anything:\n{output}");
    }
    passed(format_args!("caught by {}", mutant.commands.join(", by ")))
}

/// Reads all patches, ordered by name.
fn mutants() -> Vec<Mutant> {
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

/// Copies all files of the working tree that git tracks or would add.
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

/// Plants a fault or takes it out again.
fn apply(dir: &Path, patch: &Path, direction: Direction) {
    let mut command = Command::new("git");
    command.args(["apply", "-p0", "--whitespace=nowarn"]).current_dir(dir);
    if direction == Direction::Remove {
        command.arg("--reverse");
    }
    let output = command.arg(patch).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} does not apply: {printed}", patch.display());
}

/// Runs a command in the copy.
fn run(dir: &Path, command: &str) -> Run {
    let output = Command::new("timeout")
        .args(["--kill-after=10s", TIMEOUT])
        .args(command.split_whitespace())
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", target_dir().join("mutants"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    Run { passed: output.status.success(), output: String::from_utf8_lossy(&printed).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_applies() {
        let copy = copy_of_the_sources();
        for mutant in mutants() {
            apply(copy.path(), &mutant.patch, Direction::Plant);
            apply(copy.path(), &mutant.patch, Direction::Remove);
        }
    }
}
