//! The `loadtest` program: flags in, exit code out.

mod cli;

use std::process::ExitCode;

use echo_common::command_line::{exit, fail};
use echo_common::logging;

use crate::cli::arguments::{Args, Command};
use crate::cli::{capacity, compare, man, merge, results, run};

const PROGRAM: &str = "loadtest";

/// The log target of the embedded server, whose records would drown those of the load tester.
const SILENT: &str = "echo_server";

fn main() -> ExitCode {
    let args = Args::from_environment();
    let done = logging::init_without(args.log_level, Some(SILENT)).and_then(|()| obey(&args));
    logging::flush();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => fail(PROGRAM, &message),
    }
}

/// Does what the command line says and returns the exit code.
fn obey(args: &Args) -> Result<u8, String> {
    match &args.command {
        None => run::run(args.target.as_ref(), &args.run, args.verbosity()),
        Some(Command::Run(one)) => run::run(one.target.as_ref(), &one.run, args.verbosity()),
        Some(Command::Capacity(capacity)) => capacity::capacity(capacity, args.verbosity()),
        Some(Command::Compare(compare)) => compare::compare(compare, args.verbosity()),
        Some(Command::Merge(files)) => merge::merge(files, args.verbosity()),
        Some(Command::Report(report)) => results::page_of_files(&report.files, &report.html),
        Some(Command::Completions { shell }) => man::completions(*shell).map(|()| exit::OK),
        Some(Command::Man { folder }) => man::manual(folder).map(|()| exit::OK),
    }
}
