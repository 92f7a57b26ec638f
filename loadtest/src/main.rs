//! The `loadtest` program: flags in, exit code out.

mod args;
mod documents;
mod inside;
mod many;
mod outcome;
mod results;
mod session;
mod watching;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use echo_common::command_line::{complain, exit, fail};
use echo_common::logging;
use echo_loadtest::address::Address;
use echo_loadtest::json;
use echo_loadtest::merge::{self, Part};
use echo_loadtest::objective::Slo;
use echo_loadtest::plan::Plan;
use echo_loadtest::run_report::RunReport;
use echo_loadtest::samples_file::SamplesFile;

use crate::args::{Args, Command, MergeArgs, RunArgs};
use crate::session::Session;

const PROGRAM: &str = "loadtest";

/// What the server inside has to say is not of interest, and would be a lot.
const SILENT: &str = "echo_server";

fn main() -> ExitCode {
    let args = Args::from_environment();
    let done = logging::init_without(args.log_level, Some(SILENT)).and_then(|()| work(&args));
    logging::flush();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => fail(PROGRAM, &message),
    }
}

/// Does what was asked; the exit code.
fn work(args: &Args) -> Result<u8, String> {
    match &args.command {
        None => run(args.target.as_ref(), &args.run, args.quiet),
        Some(Command::Run(one)) => run(one.target.as_ref(), &one.run, args.quiet),
        Some(Command::Capacity(capacity)) => many::capacity(capacity, args.quiet),
        Some(Command::Compare(compare)) => many::compare(compare, args.quiet),
        Some(Command::Merge(files)) => merge_reports(files, args.quiet),
        Some(Command::Report(report)) => results::page_of_files(&report.files, &report.html),
        Some(Command::Completions { shell }) => documents::completions(*shell).map(|()| exit::OK),
        Some(Command::Man { folder }) => documents::manual(folder).map(|()| exit::OK),
    }
}

fn run(target: Option<&Address>, args: &RunArgs, quiet: bool) -> Result<u8, String> {
    let session = Session::new(quiet)?;
    let hdr = args.hdr.as_deref();
    let samples = args.samples.as_deref().map(SamplesFile::create).transpose()?.map(Arc::new);
    let report = Session::with_target(target, &args.load, |plan| {
        session.run_logged(&Plan { samples: samples.clone(), ..plan }, hdr)
    });
    let sampled = samples.map_or(Ok(()), |samples| samples.finish());
    match report {
        Ok((report, logged)) => {
            let report = judged(report, &args.objectives.slo);
            let code = results::conclude_run(&report, &args.output, hdr, quiet);
            logged.and(sampled).and(code)
        }
        Err(message) if session.is_stopped() => {
            complain(PROGRAM, &message);
            Ok(exit::INTERRUPTED)
        }
        Err(message) => Err(message),
    }
}

fn merge_reports(args: &MergeArgs, quiet: bool) -> Result<u8, String> {
    let read = |path: &PathBuf| {
        json::read(path).map(|report| Part { name: path.display().to_string(), report })
    };
    let parts = args.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let merged = merge::merge(&parts)?;
    let texts = merge::objectives(&parts);
    let mut objectives =
        texts.iter().map(|text| text.parse()).collect::<Result<Vec<Slo>, String>>()?;
    objectives.extend(args.objectives.slo.iter().cloned());
    results::conclude_run(&judged(merged, &objectives), &args.output, None, quiet)
}

/// The report with what came of its objectives.
fn judged(mut report: RunReport, objectives: &[Slo]) -> RunReport {
    report.objectives = objectives.iter().map(|slo| slo.judge(&report)).collect();
    report
}
