//! Runs programs under strace, which records their system calls.
//!
//! strace detaches itself (`-D`), so the process that we start, watch and signal is the program.
//! strace keeps the program's outputs open until it ends. Once the outputs have ended, the trace is
//! complete.

mod trace;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::packages;

pub(crate) use self::trace::{Trace, time};

/// Options that follow all threads and write one file per thread, with the time of each call and
/// without the data.
const OPTIONS: [&str; 5] = ["-D", "-ff", "-ttt", "-s", "0"];

/// Adds the options that make strace write to `dir`. The caller may add more options.
pub(crate) fn write_to<'a>(strace: &'a mut Command, dir: &Path) -> &'a mut Command {
    strace.args(OPTIONS).arg("-o").arg(dir.join("thread"))
}

/// Returns the command that runs `program` under strace. The program's outputs are piped to the caller.
pub(crate) fn run(mut strace: Command, program: &Command) -> Command {
    strace.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    strace
}

/// Makes sure that strace is installed and works. Tries it only once.
///
/// # Errors
/// One line that says why strace does not work.
pub(crate) fn ensure_available() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    ANSWER.get_or_init(try_strace).clone()
}

fn try_strace() -> Result<(), String> {
    packages::install(&["strace"])?;
    let dir = TempDir::new().map_err(|error| error.to_string())?;
    let mut strace = Command::new("strace");
    write_to(&mut strace, dir.path()).args(["-e", "inject=epoll_wait:error=EINTR:when=1..2+1"]);
    let output = strace.arg("true").output().map_err(|error| format!("strace: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stderr);
    match printed.lines().next() {
        None if output.status.success() => Ok(()),
        line => Err(format!("strace does not work here: {}", line.unwrap_or("no message"))),
    }
}
