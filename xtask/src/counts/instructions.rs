//! Counts, with callgrind, the instructions of the work in `server/src/proof/counts.rs`.
//!
//! callgrind emulates a processor. On every machine with AVX2 that is the same processor, so the
//! libraries choose the same code everywhere. callgrind counts a copy of more than 2 KiB by the byte.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::baseline::{Baseline, Tally, Tools, compare};
use crate::cargo::{target_dir, workspace};
use crate::check::{Check, Outcome, passed, skipped};
use crate::packages;

/// Options that count within `counted`, which is entered once, but not within `uncounted_…`. Entering or
/// leaving one of these functions switches the counter. Counts from before `counted` are discarded.
const OPTIONS: [&str; 5] = [
    "--tool=callgrind",
    "--collect-atstart=no",
    "--zero-before=*counts::counted",
    "--toggle-collect=*counts::counted",
    "--toggle-collect=*::uncounted_*",
];

/// Makes the C library give every buffer pages of its own. The number of instructions depends on the
/// alignment of a buffer to 32 bytes. Without this option, the alignment would depend on earlier
/// allocations, even on the length of the program's path.
const ALIGNMENT: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=4096:glibc.malloc.top_pad=0");

/// Returns a check for each expected count, and one that every piece of work has an expected count.
pub(super) fn checks(counts: &Baseline) -> Vec<Check> {
    let (tools, names) = (counts.tools.clone(), counts.instructions.clone());
    let all_are_in_the_baseline =
        Check::new("instructions, all work", move || all_are_in_the_baseline(&tools, &names));
    let each = counts.instructions.iter().map(|(name, &count)| {
        let (name, tools) = (name.clone(), counts.tools.clone());
        let title = format!("instructions, {name}");
        Check::new(title, move || check(&name, count, Tools::compare(&tools, &self::tools())))
    });
    [all_are_in_the_baseline].into_iter().chain(each).collect()
}

fn all_are_in_the_baseline(tools: &[String], counts: &Tally) -> Outcome {
    if let Err(missing) = ensure_possible() {
        return skipped(missing);
    }
    let mut names = names();
    names.sort();
    assert!(
        names.iter().eq(counts.keys()),
        "expected counts are missing or superfluous, use cargo xtask counts --update; there is {names:?}"
    );
    let here = self::tools();
    passed(match here == tools {
        true => format!("{} in the baseline, counted with {}", names.len(), tools.join(", ")),
        false => format!(
            "the baseline was counted with {}, here is {}",
            tools.join(", "),
            here.join(", ")
        ),
    })
}

fn check(name: &str, count: u64, tools: Tools) -> Outcome {
    if let Err(missing) = ensure_possible() {
        return skipped(missing);
    }
    let now = self::count(name);
    if let Err(sentence) = compare(now, count, tools) {
        panic!("{name}: {sentence}");
    }
    let by_which = match tools {
        Tools::Same => "",
        Tools::Other => " with other tools",
    };
    passed(format_args!("{now}, expected {count}{by_which}"))
}

/// Counts all work anew.
///
/// # Errors
/// One line that says what this machine lacks.
pub(super) fn count_all() -> Result<Tally, String> {
    ensure_possible()?;
    Ok(names().into_iter().map(|name| (name.clone(), count(&name))).collect())
}

/// Returns the versions of the tools that the counts depend on.
pub(super) fn tools() -> Vec<String> {
    let version = |program: &str, arg: &str| {
        let output = Command::new(program).arg(arg).current_dir(workspace()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_else(|_| format!("no {program}"))
    };
    vec![
        version("rustc", "--version"),
        version("getconf", "GNU_LIBC_VERSION"),
        version("valgrind", "--version"),
    ]
}

fn ensure_possible() -> Result<(), String> {
    packages::install(&["valgrind"])?;
    match has_the_processor() {
        true => Ok(()),
        false => Err("the expected counts are for an x86-64 processor with AVX2".to_owned()),
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

/// Returns the names of all pieces of work.
fn names() -> Vec<String> {
    run(&mut Command::new(program())).lines().map(str::to_owned).collect()
}

/// Counts the instructions of one operation.
fn count(name: &str) -> u64 {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("counts");
    let mut out_file = OsString::from("--callgrind-out-file=");
    out_file.push(&file);
    let mut command = Command::new("valgrind");
    command.args(OPTIONS).arg(out_file).arg(program()).arg(name).env(ALIGNMENT.0, ALIGNMENT.1);
    let rounds = run(&mut command).trim().parse();
    let rounds: u64 = rounds.expect("the program prints the number of rounds");
    let counted = fs::read_to_string(file).unwrap();
    let total = counted.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total.and_then(|text| text.parse().ok()).expect("callgrind writes a total");
    assert!(total >= rounds, "{name}: the counter was never turned on");
    total / rounds
}

/// Returns the program that does the work. It is built once, with the flags of the release server.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The caller's compiler flags would change the counts.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["build", "--release", "--package", "echo-server"]);
    cargo.args(["--bench", "counts", "--features", "counts"]);
    cargo.args(["--message-format", "json-render-diagnostics", "--target-dir"]).arg(target_dir());
    let printed = run(cargo.current_dir(workspace()));
    let messages = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter(|message| message["target"]["name"] == "counts");
    let path = programs.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    path.expect("cargo prints the path of the program")
}

/// Runs a command that must succeed, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
    String::from_utf8(output.stdout).unwrap()
}
