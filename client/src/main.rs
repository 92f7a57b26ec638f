//! The `client` program: parses the flags, runs the clients, and returns the exit code.

mod args;

use std::process::{self, ExitCode};
use std::sync::Arc;

use echo_client::run::{Ending, Run};
use echo_common::command_line::{exit, fail};
use echo_common::{descriptors, logging, signal};

use crate::args::Args;

const PROGRAM: &str = "client";

fn main() -> ExitCode {
    let args = Args::from_environment();
    match start(args) {
        Ok(run) => {
            let ending = run.work();
            logging::flush();
            ExitCode::from(exit_code(ending))
        }
        Err(message) => fail(PROGRAM, &message),
    }
}

/// Prepares everything that can fail before the clients start.
fn start(args: Args) -> Result<Arc<Run>, String> {
    logging::init(args.log_level)?;
    descriptors::raise_limit();
    let run = Run::new(args.into_config());
    let interrupted = Arc::clone(&run);
    signal::on_stop(move |_| {
        interrupted.log_summary();
        logging::flush();
        process::exit(exit::INTERRUPTED.into());
    })?;
    Ok(run)
}

fn exit_code(ending: Ending) -> u8 {
    match ending {
        Ending::AllRight | Ending::OutputClosed => exit::OK,
        Ending::Failed => exit::FAILED,
    }
}
