//! The `loadtest` program: flags in, exit code out.

// What the commands without an engine are told is read once they have it.
#[allow(dead_code)]
mod args;
mod documents;
mod outcome;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use echo_common::command_line::{exit, fail};
use echo_common::logging;
use echo_loadtest::merge::{self, Part};
use echo_loadtest::run_report::RunReport;
use echo_loadtest::{json, table};

use crate::args::{Args, Command, MergeArgs, OutputArgs};

const PROGRAM: &str = "loadtest";

fn main() -> ExitCode {
    let args = Args::from_environment();
    let done = logging::init(args.log_level).and_then(|()| work(&args));
    logging::flush();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => fail(PROGRAM, &message),
    }
}

/// Does what was asked; the exit code.
fn work(args: &Args) -> Result<u8, String> {
    match &args.command {
        Some(Command::Merge(args)) => merge_reports(args),
        Some(Command::Completions { shell }) => documents::completions(*shell).map(|()| exit::OK),
        Some(Command::Man { folder }) => documents::manual(folder).map(|()| exit::OK),
        None
        | Some(Command::Run(_) | Command::Capacity(_) | Command::Compare(_) | Command::Report(_)) => {
            Err("this command is not there yet".to_owned())
        }
    }
}

fn merge_reports(args: &MergeArgs) -> Result<u8, String> {
    let read = |path: &PathBuf| {
        json::read(path).map(|report| Part { name: path.display().to_string(), report })
    };
    let parts = args.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut report = merge::merge(&parts)?;
    let mut objectives = merge::objectives(&parts);
    objectives.extend(args.objectives.slo.iter().cloned());
    judge(&mut report, &objectives)?;
    conclude(&report, &args.output)
}

/// The seam to the objectives: it fills in those of `report`.
fn judge(_report: &mut RunReport, objectives: &[String]) -> Result<(), String> {
    match objectives.first() {
        None => Ok(()),
        Some(first) => Err(format!("judge {first}: objectives are not there yet")),
    }
}

/// The seam to the page: it writes `reports` to `path`.
fn page(_reports: &[&RunReport], path: &Path) -> Result<(), String> {
    Err(format!("write {}: pages are not there yet", path.display()))
}

/// Writes and prints a report; the exit code that it stands for.
fn conclude(report: &RunReport, output: &OutputArgs) -> Result<u8, String> {
    if let Some(path) = &output.json {
        json::write(path, report)?;
    }
    if let Some(path) = &output.html {
        page(&[report], path)?;
    }
    let table = table::render(report);
    // A reader that has gone away has seen enough.
    let _ = if output.takes_standard_output(None) {
        io::stderr().lock().write_all(table.as_bytes())
    } else {
        io::stdout().lock().write_all(table.as_bytes())
    };
    Ok(outcome::exit_code(report))
}
