//! Renders reports as one HTML file that needs no other file. A page shows either runs, with their
//! figures side by side and their curves in the same plots, or a search for the capacity.
//!
//! The page fetches nothing and runs no script; its content security policy forbids both. The templates
//! escape all text from servers, users and other machines. This module reads no file, no clock and no
//! environment variable, so the same reports always give the same page.

mod axis;
mod capacity;
mod cell;
mod chart;
mod curve;
mod figures;
mod ink;
mod plot;
mod plots;
mod rounds;
mod source;
mod spectrum;
mod summary;
mod text;
mod ticks;
mod timeline;

use askama::Template;
use serde::Serialize;
use serde_json::Value;

use crate::report::run_report::RunReport;

pub use capacity::render as render_capacity;
use cell::{Cell, Table};
use chart::Chart;
use ink::Colour;
use source::{Facts, Source};
use summary::Summary;

/// A run and its name on the page.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Any text, such as the name of its file.
    pub name: &'a str,
    /// The report of the run.
    pub report: &'a RunReport,
}

/// Renders the page of these runs, in this order, as UTF-8 text.
///
/// Each figure is in a `data` element. Its `value` is the value in the report, `data-figure` is the JSON
/// pointer to that value, and `data-run` is the index of the run, from 0.
///
/// # Errors
/// A sentence, if there is no run, or if the histogram of a run cannot be read.
pub fn render(runs: &[Named<'_>]) -> Result<String, String> {
    if runs.is_empty() {
        return Err("no run to make a page of".to_owned());
    }
    let runs = runs
        .iter()
        .enumerate()
        .map(|(index, named)| Run::new(index, *named))
        .collect::<Result<Vec<_>, _>>()?;
    Page::new(&runs)?.render().map_err(|error| format!("make the page: {error}"))
}

/// A report as JSON, in which figures are found by their pointers.
struct Document {
    /// The index of the report on the page, from 0.
    index: usize,
    json: Value,
}

impl Document {
    fn new(index: usize, name: &str, document: &impl Serialize) -> Result<Self, String> {
        let json = serde_json::to_value(document)
            .map_err(|error| format!("read the figures of {name}: {error}"))?;
        Ok(Self { index, json })
    }
}

/// A run with everything that the parts of the page need.
struct Run<'a> {
    name: String,
    report: &'a RunReport,
    document: Document,
}

impl<'a> Run<'a> {
    fn new(index: usize, Named { name, report }: Named<'a>) -> Result<Self, String> {
        Ok(Self {
            name: text::visible(name),
            report,
            document: Document::new(index, name, report)?,
        })
    }

    fn index(&self) -> usize {
        self.document.index
    }

    fn source(&self) -> Source {
        let RunReport { program, command, machine, agents, started_at, ended_at, .. } = self.report;
        let measured = text::period(started_at, ended_at);
        let facts = Facts { command, measured, program, machine, agents: *agents };
        Source::new(Colour::Run(self.index()).class(), &self.name, &facts)
    }
}

#[derive(Template)]
#[template(path = "run.html")]
struct Page {
    title: String,
    columns: Vec<Column>,
    summaries: Vec<Summary>,
    charts: Vec<Chart>,
    /// The number of errors of each kind.
    errors: Option<Table>,
    failed: bool,
    findings: Vec<FindingRow>,
    latencies: Vec<Table>,
    tables: Vec<Table>,
    sources: Vec<Source>,
}

/// The head of the column of a run.
struct Column {
    index: usize,
    colour: String,
    name: String,
}

struct FindingRow {
    run: usize,
    colour: String,
    kind: String,
    connection: Cell,
    at: Cell,
    text: String,
}

impl Page {
    fn new(runs: &[Run<'_>]) -> Result<Self, String> {
        Ok(Self {
            title: title(runs),
            columns: runs.iter().map(Column::new).collect(),
            summaries: runs.iter().map(Summary::new).collect(),
            charts: plots::charts(runs)?,
            errors: figures::errors(runs),
            failed: runs.iter().any(|run| has_failed(run.report)),
            findings: runs.iter().flat_map(findings).collect(),
            latencies: figures::latencies(runs),
            tables: figures::tables(runs),
            sources: runs.iter().map(Run::source).collect(),
        })
    }

    fn several(&self) -> bool {
        self.columns.len() > 1
    }
}

fn has_failed(report: &RunReport) -> bool {
    report.errors.total() > 0 || !report.findings.is_empty()
}

fn title(runs: &[Run<'_>]) -> String {
    match runs {
        [run] => run.name.clone(),
        _ => format!("{} runs", runs.len()),
    }
}

impl Column {
    fn new(run: &Run<'_>) -> Self {
        let index = run.index();
        Self { index, colour: Colour::Run(index).class(), name: run.name.clone() }
    }

    /// Returns the number that stands at the run's curves.
    fn number(&self) -> usize {
        self.index + 1
    }
}

fn findings<'a>(run: &'a Run<'_>) -> impl Iterator<Item = FindingRow> + 'a {
    run.report.findings.iter().enumerate().map(|(index, finding)| {
        let figure = |name: &str| format!("/findings/{index}/{name}");
        FindingRow {
            run: run.index() + 1,
            colour: Colour::Run(run.index()).class(),
            kind: text::visible(&finding.kind),
            connection: Cell::exact(
                &run.document,
                figure("connection"),
                finding.connection.to_string(),
            ),
            at: Cell::exact(&run.document, figure("at_s"), text::moment(finding.at_s)),
            text: text::visible(&finding.text),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_is_no_page() {
        assert_eq!(render(&[]), Err("no run to make a page of".to_owned()));
    }
}
