//! Cargo under other flags: the model checker, the interpreter, the sanitizers, the fuzzers. Each
//! has a target directory of its own, and is skipped where the toolchain lacks what it needs.

use std::process::{Command, Stdio};
use std::time::Duration;

pub(crate) use echo_tests::workspace::{target_dir, workspace};

use crate::check::{Check, Outcome, kept, skipped};

/// For what stable toolchains do not have.
const NIGHTLY: &str = "+nightly";

/// Sanitizers need the target named, so that build scripts do without.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Longer scripts for the fuzzer find nothing that shorter ones do not.
const MAX_SCRIPT_LEN: usize = 2_048;

/// A script that takes a fuzzer longer than this is a hang.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The hand-off between the threads, in every order: the tests whose name begins with `filter`.
pub(crate) fn loom(filter: Option<&str>) -> Vec<Check> {
    let tests = format!("model::{}", filter.unwrap_or_default());
    let run = move || {
        let mut command = cargo("loom", "--cfg loom");
        run(command.args(["test", "-p", "echo-server", "--lib", "--", &tests]))
    };
    vec![Check::new("loom", run)]
}

/// Undefined behaviour, in the pure crates and in one real conversation.
pub(crate) fn miri() -> Vec<Check> {
    vec![
        Check::new("miri, units", || {
            let mut command = cargo("miri", "");
            command.args([NIGHTLY, "miri", "test", "-p", "echo-common", "-p", "echo-server"]);
            command.args(["--lib", "--", "--skip", "simulation", "--skip", "server::"]);
            with_nightly(&["miri", "--version"], &mut command)
        }),
        Check::new("miri, loopback", || {
            let mut command = cargo("miri", "");
            command.env("MIRIFLAGS", "-Zmiri-disable-isolation");
            command.args([NIGHTLY, "miri", "test", "-p", "echo-tests", "--test", "loopback"]);
            command.args(["--", "contract::contract_2_a_line_comes_back"]);
            with_nightly(&["miri", "--version"], &mut command)
        }),
    ]
}

/// The loopback tests under AddressSanitizer and ThreadSanitizer.
pub(crate) fn sanitizers() -> Vec<Check> {
    vec![
        Check::new("address", || {
            // Memory that was freed is kept for a while, to see who uses it: it looks like a leak.
            sanitize(&mut cargo("address", "-Zsanitizer=address"), &["--skip", "leaks"])
        }),
        Check::new("thread", || {
            let mut command =
                cargo("thread", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer");
            let suppressions = workspace().join("xtask/thread-sanitizer.txt");
            command.env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
            // The sanitizer has memory and a thread of its own.
            sanitize(&mut command, &["--skip", "leaks", "--skip", "no_thread_wakes_up"])
        }),
    ]
}

fn sanitize(command: &mut Command, args: &[&str]) -> Outcome {
    command.args([NIGHTLY, "test", "--target", TARGET]);
    command.args(["-p", "echo-tests", "--test", "loopback", "--"]).args(args);
    with_nightly(&["--version"], command)
}

/// Both fuzz targets, each for so long.
pub(crate) fn fuzz(duration: Duration) -> Vec<Check> {
    let check = |target: &'static str| {
        Check::new(format!("fuzz {target}"), move || fuzz_target(target, duration))
    };
    vec![check("lines"), check("server")]
}

fn fuzz_target(target: &str, duration: Duration) -> Outcome {
    if let Err(missing) = install_cargo_fuzz() {
        return skipped(missing);
    }
    let folder = workspace().join("fuzz");
    // What is found goes to the first, which is not part of the sources.
    let [corpus, seeds] = ["corpus", "seeds"].map(|name| folder.join(name).join(target));
    std::fs::create_dir_all(&corpus).unwrap();
    let mut command = cargo("fuzz", "");
    command.current_dir(folder).args([NIGHTLY, "fuzz", "run", target]);
    command.args([corpus, seeds]).arg("--");
    command.arg(format!("-max_total_time={}", duration.as_secs()));
    command.arg(format!("-max_len={MAX_SCRIPT_LEN}"));
    command.arg(format!("-timeout={}", SCRIPT_TIMEOUT.as_secs()));
    command.arg("-print_final_stats=1");
    with_nightly(&["--version"], &mut command)
}

fn install_cargo_fuzz() -> Result<(), String> {
    if probe(&["fuzz", "--version"]).is_ok() {
        return Ok(());
    }
    let install = ["install", "--locked", "--quiet", "cargo-fuzz"];
    probe(&install).map_err(|said| format!("cargo-fuzz cannot be installed: {said}"))
}

/// Cargo with these flags for the compiler and a target directory of this name.
fn cargo(name: &str, flags: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace());
    command.env("CARGO_TARGET_DIR", target_dir().join(name));
    command.env("RUSTFLAGS", flags);
    // Cargo sets these for what it runs; another toolchain must not see them.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC");
    command
}

/// Runs `command` if the nightly toolchain can do `needed`.
fn with_nightly(needed: &[&str], command: &mut Command) -> Outcome {
    match probe(&[&[NIGHTLY], needed].concat()) {
        Ok(()) => run(command),
        Err(said) => skipped(format_args!("no nightly `cargo {}`: {said}", needed.join(" "))),
    }
}

/// Whether cargo can do this, or else the first line of what it says.
fn probe(args: &[&str]) -> Result<(), String> {
    let mut command = cargo("probe", "");
    let output = command.args(args).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().next().unwrap_or("no word").to_owned())
}

/// Runs a command whose failure is the check's, and repeats what it said at its end.
fn run(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    let is_result =
        |line: &&str| line.starts_with("test result: ok") || line.starts_with("stat::number_of");
    let has_run = |line: &&str| !line.contains(" 0 passed");
    let results: Vec<&str> = said.lines().filter(is_result).filter(has_run).collect();
    assert!(!results.is_empty(), "nothing was run:\n{said}");
    kept(results.join("; "))
}
