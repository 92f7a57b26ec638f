//! Where results go: files, standard output, the exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use echo_common::command_line::exit;
use echo_loadtest::page::{self, Named};
use echo_loadtest::run_report::RunReport;
use echo_loadtest::{files, json, table};
use serde::Serialize;

use crate::args::{DocumentArgs, OutputArgs};
use crate::outcome;

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
    let written = write(report, output);
    print(table::render(report), output.takes_standard_output(hdr), quiet);
    written.map(|()| outcome::exit_code(report))
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

fn write(report: &RunReport, output: &OutputArgs) -> Result<(), String> {
    if let Some(path) = &output.document.json {
        json::write(path, report)?;
    }
    if let Some(path) = &output.html {
        write_page(&[("run".to_owned(), report.clone())], path)?;
    }
    Ok(())
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
pub(crate) fn page_of_files(files: &[PathBuf], html: &Path) -> Result<u8, String> {
    let name = |path: &Path| {
        path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned())
    };
    let read = |path: &PathBuf| Ok((name(path), json::read(path)?));
    let runs = files.iter().map(read).collect::<Result<Vec<_>, String>>()?;
    write_page(&runs, html).map(|()| exit::OK)
}

fn write_page(runs: &[(String, RunReport)], path: &Path) -> Result<(), String> {
    let named: Vec<_> = runs.iter().map(|(name, report)| Named { name, report }).collect();
    files::write(path, page::render(&named)?.as_bytes())
}
