//! Where results go: files, standard output, the exit code.

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

use crate::cli::arguments::{DocumentArgs, OutputArgs};
use crate::cli::exit_code;

/// Returns the report with its objectives judged.
pub(crate) fn judged(mut report: RunReport, objectives: &[Slo]) -> RunReport {
    report.objectives = objectives.iter().map(|slo| slo.judge(&report)).collect();
    report
}

/// Writes and prints a report; the exit code that it stands for.
///
/// # Errors
/// A sentence when a file cannot be written.
pub(crate) fn conclude_run(
    report: &RunReport,
    output: &OutputArgs,
    hdr: Option<&Path>,
    quiet: bool,
) -> Result<u8, String> {
    let written = write(report, output, || page_of_runs(&[("run".to_owned(), report.clone())]));
    print(table::render(report), output.takes_standard_output(hdr), quiet);
    written.map(|()| exit_code::of(report))
}

/// Writes and prints what a search found.
///
/// # Errors
/// A sentence when a file cannot be written.
pub(crate) fn conclude_capacity(
    report: &CapacityReport,
    output: &OutputArgs,
    quiet: bool,
) -> Result<(), String> {
    let written = write(report, output, || page::render_capacity("capacity", report));
    print(report, output.takes_standard_output(None), quiet);
    written
}

/// Writes the document to a file if that is wanted, and prints it as text.
///
/// # Errors
/// A sentence when the file cannot be written.
pub(crate) fn conclude(
    document: &(impl Serialize + Display),
    output: &DocumentArgs,
    quiet: bool,
) -> Result<(), String> {
    let written = output.json.as_ref().map_or(Ok(()), |path| json::write(path, document));
    print(document, output.takes_standard_output(), quiet);
    written
}

/// Each that is wanted, also when another cannot be written.
fn write(
    report: &impl Serialize,
    output: &OutputArgs,
    page: impl FnOnce() -> Result<String, String>,
) -> Result<(), String> {
    let json = output.document.json.as_ref().map_or(Ok(()), |path| json::write(path, report));
    let html = output.html.as_ref().map_or(Ok(()), |path| files::write(path, page()?.as_bytes()));
    json.and(html)
}

/// On standard output, unless that carries a document. Then it is progress rather than the result, and
/// would spoil the document where both outputs end up in the same place.
fn print(text: impl Display, is_taken: bool, quiet: bool) {
    // A reader that has gone away has seen enough.
    let _ = match (is_taken, quiet) {
        (true, true) => Ok(()),
        (true, false) => write!(io::stderr().lock(), "{text}"),
        (false, _) => write!(io::stdout().lock(), "{text}"),
    };
}

/// A page of the reports in these files.
///
/// # Errors
/// A sentence when one is none, or the page cannot be written.
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
                return Err(format!("{name} is a search for the capacity: its page is its own"));
            }
        }
    }
    files::write(html, page_of_runs(&runs)?.as_bytes()).map(|()| exit::OK)
}

fn page_of_runs(runs: &[(String, RunReport)]) -> Result<String, String> {
    let named: Vec<_> = runs.iter().map(|(name, report)| Named { name, report }).collect();
    page::render(&named)
}
