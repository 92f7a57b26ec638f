//! The instructions of the work in `server/src/proof/counts.rs`, counted by callgrind.
//!
//! callgrind shows the program a processor of its own, always the same where the real one has AVX2;
//! so the libraries choose the same code for it everywhere. It counts a copy of more than 2 KiB by
//! the byte.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::kept::{Kept, Tally, compare};
use crate::cargo::{target_dir, workspace};
use crate::check::{Check, Outcome, kept, skipped};
use crate::packages;

/// Counts within `counted`, which is entered once, but not within `uncounted_…`. Each of these turns
/// the counter on or off, so whatever ran before is forgotten.
const OPTIONS: [&str; 5] = [
    "--tool=callgrind",
    "--collect-atstart=no",
    "--zero-before=*counts::counted",
    "--toggle-collect=*counts::counted",
    "--toggle-collect=*::uncounted_*",
];

/// Makes the C library give every buffer pages of its own. How far a buffer begins from a multiple of
/// 32 decides some instructions, and would depend on whatever was allocated before it, even on the
/// length of the program's path.
const ALIGNMENT: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=4096:glibc.malloc.top_pad=0");

/// A check for each piece of work that has a count, and one that all have.
pub(super) fn checks(counts: &Kept) -> Vec<Check> {
    let (tools, names) = (counts.tools.clone(), counts.instructions.clone());
    let all_are_kept = Check::new("instructions, all work", move || all_are_kept(&tools, &names));
    let each = counts.instructions.iter().map(|(name, &count)| {
        let (name, tools) = (name.clone(), counts.tools.clone());
        let title = format!("instructions, {name}");
        Check::new(title, move || check(&name, count, tools == self::tools()))
    });
    [all_are_kept].into_iter().chain(each).collect()
}

fn all_are_kept(tools: &[String], counts: &Tally) -> Outcome {
    if let Err(missing) = is_possible() {
        return skipped(missing);
    }
    let mut names = names();
    names.sort();
    assert!(names.iter().eq(counts.keys()), "cargo xtask counts --update; there are {names:?}");
    let here = self::tools();
    kept(match here == tools {
        true => format!("{} kept with {}", names.len(), tools.join(", ")),
        false => format!("kept with {}, here is {}", tools.join(", "), here.join(", ")),
    })
}

fn check(name: &str, count: u64, same_tools: bool) -> Outcome {
    if let Err(missing) = is_possible() {
        return skipped(missing);
    }
    let now = self::count(name);
    if let Err(sentence) = compare(now, count, same_tools) {
        panic!("{name}: {sentence}");
    }
    let by_whom = if same_tools { "" } else { " by other tools" };
    kept(format_args!("{now}, kept {count}{by_whom}"))
}

/// Counts all work anew.
///
/// # Errors
/// What is missing here.
pub(super) fn count_all() -> Result<Tally, String> {
    is_possible()?;
    Ok(names().into_iter().map(|name| (name.clone(), count(&name))).collect())
}

/// What a count depends on, apart from the sources.
pub(super) fn tools() -> Vec<String> {
    let said = |program: &str, arg: &str| {
        let output = Command::new(program).arg(arg).current_dir(workspace()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_else(|_| format!("no {program}"))
    };
    vec![
        said("rustc", "--version"),
        said("getconf", "GNU_LIBC_VERSION"),
        said("valgrind", "--version"),
    ]
}

fn is_possible() -> Result<(), String> {
    packages::install(&["valgrind"])?;
    match has_the_processor() {
        true => Ok(()),
        false => Err("the counts are those of an x86-64 processor with AVX2".to_owned()),
    }
}

#[cfg(target_arch = "x86_64")]
fn has_the_processor() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_the_processor() -> bool {
    false
}

/// The work there is.
fn names() -> Vec<String> {
    run(&mut Command::new(program())).lines().map(str::to_owned).collect()
}

/// The instructions of one operation.
fn count(name: &str) -> u64 {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("counts");
    let mut out_file = OsString::from("--callgrind-out-file=");
    out_file.push(&file);
    let mut command = Command::new("valgrind");
    command.args(OPTIONS).arg(out_file).arg(program()).arg(name).env(ALIGNMENT.0, ALIGNMENT.1);
    let rounds: u64 = run(&mut command).trim().parse().expect("the rounds are told");
    let counted = fs::read_to_string(file).unwrap();
    let total = counted.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total.and_then(|text| text.parse().ok()).expect("callgrind tells a total");
    assert!(total >= rounds, "{name}: the counter was never turned on");
    total / rounds
}

/// The program that does the work: built once, as the release server is.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Flags that the caller has for a processor of his own would change the counts.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["build", "--release", "--package", "echo-server"]);
    cargo.args(["--bench", "counts", "--features", "counts"]);
    cargo.args(["--message-format", "json-render-diagnostics", "--target-dir"]).arg(target_dir());
    let told = run(cargo.current_dir(workspace()));
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter(|message| message["target"]["name"] == "counts");
    let path = programs.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    path.expect("cargo tells where the program is")
}

/// What a command that must succeed says.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
