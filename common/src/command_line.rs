//! What every `main` does around its work: parse, complain, exit.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::logging;

/// Exit codes that mean the same in every program.
pub mod exit {
    /// All went well.
    pub const OK: u8 = 0;
    /// The program could not start, or could not do what it was asked.
    pub const FAILED: u8 = 1;
    /// The command line or an environment variable makes no sense.
    pub const USAGE: u8 = 2;
    /// Ended at once by a signal (128 + `SIGINT`).
    pub const INTERRUPTED: u8 = 130;
}

/// Writes `program: message` to stderr, after whatever was logged. Never panics: a stderr that is gone
/// loses the sentence, the exit code stays.
pub fn complain(program: &str, message: &str) {
    logging::flush();
    let _ = writeln!(io::stderr(), "{program}: {message}");
}

/// [`complain`], then the exit code [`exit::FAILED`].
#[must_use]
pub fn fail(program: &str, message: &str) -> ExitCode {
    complain(program, message);
    ExitCode::from(exit::FAILED)
}
