//! Where the workspace and its builds are, and one line of output at a time: what the checks and the
//! comparison with peers have in common.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Returns the root folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns cargo's target directory.
#[must_use]
pub fn target_dir() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.unwrap_or_else(|| workspace().join("target"))
}

/// Prints a line and flushes it. Errors are ignored: nothing can be done if standard output is closed.
pub fn say(line: impl fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
