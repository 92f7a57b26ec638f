//! The `loadtest` program as its users meet it.

#![expect(clippy::unwrap_used, reason = "a harness fails by panicking")]
#![expect(clippy::panic, reason = "a harness fails by panicking")]

mod agents;
mod documents;
mod loads;
mod merge;
mod usage;

use std::process::{Command, Output};

/// Returns the program, not yet started.
fn loadtest() -> Command {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
}

/// Runs a command to its end. No command here waits for anything.
#[track_caller]
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}
