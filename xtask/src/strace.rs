//! Programs under strace, which writes down the calls they make.
//!
//! strace detaches itself (`-D`), so that the process that is started, watched and signalled is the
//! program. It holds the program's outputs, so it has written everything once these have ended.

mod trace;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::packages;

pub(crate) use self::trace::{Trace, time};

/// Follow threads and write a file for each, with the time of each call and without the data.
const OPTIONS: [&str; 5] = ["-D", "-ff", "-ttt", "-s", "0"];

/// Tells strace to write to `dir`. Its other options may follow.
pub(crate) fn write_to<'a>(strace: &'a mut Command, dir: &Path) -> &'a mut Command {
    strace.args(OPTIONS).arg("-o").arg(dir.join("thread"))
}

/// Makes strace run `program`, its outputs going to the caller.
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

/// Whether strace is here and may do its work; if not, why. Asked of the system once.
pub(crate) fn is_possible() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    ANSWER.get_or_init(try_it).clone()
}

fn try_it() -> Result<(), String> {
    packages::install(&["strace"])?;
    let dir = TempDir::new().map_err(|error| error.to_string())?;
    let mut strace = Command::new("strace");
    write_to(&mut strace, dir.path()).args(["-e", "inject=epoll_wait:error=EINTR:when=1..2+1"]);
    let output = strace.arg("true").output().map_err(|error| format!("strace: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().next() {
        None if output.status.success() => Ok(()),
        said => Err(format!("strace cannot work here: {}", said.unwrap_or("no word"))),
    }
}
