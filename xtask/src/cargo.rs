//! Checks that run cargo with other flags: the model checker, the interpreter, the sanitizers and the
//! fuzzers. Each has its own target directory. A check is skipped if the toolchain lacks a component.

use std::process::{Command, Stdio};
use std::time::Duration;

pub(crate) use echo_tests::workspace::{target_dir, workspace};

use crate::check::{Check, Outcome, passed, skipped};

/// Selects the nightly toolchain, because the stable one has neither Miri nor the sanitizers.
const NIGHTLY: &str = "+nightly";

/// Target of the sanitizer builds. With an explicit target, cargo does not instrument build scripts.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Maximum length of a fuzzer's input in bytes. Longer inputs find nothing more.
const MAX_SCRIPT_LEN: usize = 2_048;

/// How long one fuzzer input may take before it counts as a hang.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the check of the hand-off between the threads in every order. It runs the tests whose name
/// begins with `filter`.
pub(crate) fn loom(filter: Option<&str>) -> Vec<Check> {
    let tests = format!("model::{}", filter.unwrap_or_default());
    let run = move || {
        let mut command = cargo("loom", "--cfg loom");
        run(command.args(["test", "-p", "echo-server", "--lib", "--", &tests]))
    };
    vec![Check::new("loom", run)]
}

/// Returns the checks for undefined behaviour: in the unit tests, and in one conversation over
/// loopback.
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

/// Returns the checks that run the loopback tests under AddressSanitizer and ThreadSanitizer.
pub(crate) fn sanitizers() -> Vec<Check> {
    vec![
        Check::new("address", || {
            // The sanitizer keeps freed memory for a while to detect later uses. That looks like a leak.
            sanitize(&mut cargo("address", "-Zsanitizer=address"), &["--skip", "leaks"])
        }),
        Check::new("thread", || {
            let mut command =
                cargo("thread", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer");
            let suppressions = workspace().join("xtask/thread-sanitizer.txt");
            command.env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
            // The sanitizer adds memory and a thread of its own.
            sanitize(&mut command, &["--skip", "leaks", "--skip", "no_thread_wakes_up"])
        }),
    ]
}

fn sanitize(command: &mut Command, args: &[&str]) -> Outcome {
    command.args([NIGHTLY, "test", "--target", TARGET]);
    command.args(["-p", "echo-tests", "--test", "loopback", "--"]).args(args);
    with_nightly(&["--version"], command)
}

/// Returns one check for each fuzz target. Each runs for `duration`.
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
    // The fuzzer writes new inputs to the first folder, which is not part of the sources.
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
    if try_cargo(&["fuzz", "--version"]).is_ok() {
        return Ok(());
    }
    let install = ["install", "--locked", "--quiet", "cargo-fuzz"];
    try_cargo(&install).map_err(|error| format!("cannot install cargo-fuzz: {error}"))
}

/// Returns a cargo command with `flags` for the compiler and a target directory called `name`.
fn cargo(name: &str, flags: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace());
    command.env("CARGO_TARGET_DIR", target_dir().join(name));
    command.env("RUSTFLAGS", flags);
    // Cargo sets these variables for its child processes. Another toolchain must not see them.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC");
    command
}

/// Runs `command` if `cargo +nightly` with the arguments `needed` succeeds.
fn with_nightly(needed: &[&str], command: &mut Command) -> Outcome {
    match try_cargo(&[&[NIGHTLY], needed].concat()) {
        Ok(()) => run(command),
        Err(error) => {
            skipped(format_args!("nightly `cargo {}` does not work: {error}", needed.join(" ")))
        }
    }
}

/// Runs cargo with these arguments.
///
/// # Errors
/// The first line that a failing cargo printed.
fn try_cargo(args: &[&str]) -> Result<(), String> {
    let mut command = cargo("probe", "");
    let output = command.args(args).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(printed.lines().next().unwrap_or("no message").to_owned())
}

/// Runs a command and fails with it. Returns the test results that the command printed.
fn run(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success(), "{printed}");
    let is_result =
        |line: &&str| line.starts_with("test result: ok") || line.starts_with("stat::number_of");
    let has_run = |line: &&str| !line.contains(" 0 passed");
    let results: Vec<&str> = printed.lines().filter(is_result).filter(has_run).collect();
    assert!(!results.is_empty(), "no test was run:\n{printed}");
    passed(results.join("; "))
}
