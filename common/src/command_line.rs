//! What every `main` needs around its work: exit codes and error messages.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::logging;

/// Exit codes that have the same meaning in every program.
pub mod exit {
    /// The program did its work.
    pub const OK: u8 = 0;
    /// The program could not start, or could not do its work.
    pub const FAILED: u8 = 1;
    /// The command line or an environment variable is invalid.
    pub const USAGE: u8 = 2;
    /// A signal ended the program at once (128 + `SIGINT`).
    pub const INTERRUPTED: u8 = 130;
}

/// Writes `program: message` to stderr, after the log records so far. Never panics: if stderr is
/// closed, the sentence is lost, but the exit code is still right.
pub fn complain(program: &str, message: &str) {
    logging::flush();
    let _ = writeln!(io::stderr(), "{program}: {message}");
}

/// Writes the message like [`complain`], and returns the exit code [`exit::FAILED`].
#[must_use]
pub fn fail(program: &str, message: &str) -> ExitCode {
    complain(program, message);
    ExitCode::from(exit::FAILED)
}
