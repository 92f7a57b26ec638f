//! The results of a command: written to files, printed, and turned into an exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use echo_common::command_line::exit;
use echo_loadtest::capacity::CapacityReport;
use echo_loadtest::json::Report;
use echo_loadtest::objective::Slo;
use echo_loadtest::page::{self, Named};
use echo_loadtest::run_report::RunReport;
use echo_loadtest::{files, json, table};
use serde::Serialize;

use crate::cli::arguments::{DocumentArgs, OutputArgs, StandardOutput, Verbosity};
use crate::cli::exit_code;

/// Returns the report with its objectives judged.
pub(crate) fn judged(mut report: RunReport, objectives: &[Slo]) -> RunReport {
    report.objectives = objectives.iter().map(|slo| slo.judge(&report)).collect();
    report
}

/// Writes and prints a report, and returns the exit code that it stands for.
///
/// # Errors
/// A sentence when a file cannot be written.
pub(crate) fn conclude_run(
    report: &RunReport,
    output: &OutputArgs,
    hdr: Option<&Path>,
    verbosity: Verbosity,
) -> Result<u8, String> {
    let written = write(report, output, || page_of_runs(&[("run".to_owned(), report.clone())]));
    print(table::render(report), output.standard_output(hdr), verbosity);
    written.map(|()| exit_code::of(report))
}

/// Writes and prints the report of a search.
///
/// # Errors
/// A sentence when a file cannot be written.
pub(crate) fn conclude_capacity(
    report: &CapacityReport,
    output: &OutputArgs,
    verbosity: Verbosity,
) -> Result<(), String> {
    let written = write(report, output, || page::render_capacity("capacity", report));
    print(report, output.standard_output(None), verbosity);
    written
}

/// Writes a document to a file, if one was asked for, and prints it as text.
///
/// # Errors
/// A sentence when the file cannot be written.
pub(crate) fn conclude(
    document: &(impl Serialize + Display),
    output: &DocumentArgs,
    verbosity: Verbosity,
) -> Result<(), String> {
    let written = output.json.as_ref().map_or(Ok(()), |path| json::write(path, document));
    print(document, output.standard_output(), verbosity);
    written
}

/// Writes the files that were asked for. If one cannot be written, the other still is.
fn write(
    report: &impl Serialize,
    output: &OutputArgs,
    page: impl FnOnce() -> Result<String, String>,
) -> Result<(), String> {
    let json = output.document.json.as_ref().map_or(Ok(()), |path| json::write(path, report));
    let html = output.html.as_ref().map_or(Ok(()), |path| files::write(path, page()?.as_bytes()));
    json.and(html)
}

/// Prints the results to standard output. If that carries a document, text would spoil it, so the text
/// goes to standard error.
fn print(text: impl Display, output: StandardOutput, verbosity: Verbosity) {
    // An error means that the reader has gone away and has seen enough.
    let _ = match (output, verbosity) {
        (StandardOutput::Text, _) => write!(io::stdout().lock(), "{text}"),
        (StandardOutput::Document, Verbosity::Normal) => write!(io::stderr().lock(), "{text}"),
        (StandardOutput::Document, Verbosity::Quiet) => Ok(()),
    };
}

/// Makes a page of the reports in these files, and returns the exit code.
///
/// # Errors
/// A sentence when a file is no report, or the page cannot be written.
pub(crate) fn page_of_files(paths: &[PathBuf], html: &Path) -> Result<u8, String> {
    let name = |path: &Path| {
        path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned())
    };
    let mut runs = vec![];
    for path in paths {
        match json::read_any(path)? {
            Report::Run(report) => runs.push((name(path), *report)),
            Report::Capacity(report) if paths.len() == 1 => {
                let page = page::render_capacity(&name(path), &report)?;
                return files::write(html, page.as_bytes()).map(|()| exit::OK);
            }
            Report::Capacity(_) => {
                let name = path.display();
                return Err(format!(
                    "{name} is a search for the capacity: it needs a page of its own"
                ));
            }
        }
    }
    files::write(html, page_of_runs(&runs)?.as_bytes()).map(|()| exit::OK)
}

fn page_of_runs(runs: &[(String, RunReport)]) -> Result<String, String> {
    let named: Vec<_> = runs.iter().map(|(name, report)| Named { name, report }).collect();
    page::render(&named)
}
