//! The program: `cargo benchmark run` and `cargo benchmark report`.

use std::process::ExitCode;

use benchmark::{Run, report};
use clap::{Parser, Subcommand};
use echo_tests::workspace::say;

/// Compares our server with other echo servers, and writes PERFORMANCE.md
#[derive(Debug, Parser)]
#[command(name = "cargo benchmark")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Run(Run),
    /// Writes PERFORMANCE.md and the pages of results again, from the files in benchmark/results
    Report,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Run(run) => run.run(),
        Task::Report => report(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(format_args!("FAILED   {why}"));
            ExitCode::FAILURE
        }
    }
}
