//! The summary of a run: its verdict, its objectives and the main figures.

use super::Run;
use super::cell::Cell;
use super::ink::Colour;
use super::text::visible;
use crate::formatting;
use crate::formatting::Unit;
use crate::report::run_report::{RunReport, VerdictKind};

pub(super) struct Summary {
    pub(super) colour: String,
    pub(super) number: usize,
    pub(super) name: String,
    /// The server and the kind of load.
    pub(super) about: String,
    pub(super) badges: Vec<Badge>,
    pub(super) meaning: String,
    pub(super) reasons: Vec<String>,
    pub(super) heads: Vec<Head>,
    pub(super) objectives: Vec<Goal>,
}

/// A judgement in one or two words.
pub(super) struct Badge {
    pub(super) text: String,
    pub(super) tone: &'static str,
}

/// A figure in large type.
pub(super) struct Head {
    pub(super) label: &'static str,
    pub(super) cell: Cell,
    /// The text in small type below the figure.
    pub(super) note: String,
}

pub(super) struct Goal {
    pub(super) text: String,
    pub(super) measured: String,
    pub(super) met: bool,
}

pub(super) const GOOD: &str = "good";
pub(super) const DOUBTFUL: &str = "doubtful";
pub(super) const BAD: &str = "bad";

impl Badge {
    pub(super) fn new(text: &str, tone: &'static str) -> Self {
        Self { text: text.to_owned(), tone }
    }
}

impl Summary {
    pub(super) fn new(run: &Run<'_>) -> Self {
        let report = run.report;
        Self {
            colour: Colour::Run(run.index()).class(),
            number: run.index() + 1,
            name: run.name.clone(),
            about: about(report),
            badges: badges(report),
            meaning: meaning(report.verdict.kind).to_owned(),
            reasons: report.verdict.reasons.iter().map(|reason| visible(reason)).collect(),
            heads: heads(run),
            objectives: goals(report),
        }
    }
}

fn about(report: &RunReport) -> String {
    let connections = formatting::counted(report.load.connections, "connection");
    let kind = if report.load.rate.is_some() { "open loop" } else { "closed loop" };
    format!("{} · {connections} · {kind}", visible(&report.target))
}

fn badges(report: &RunReport) -> Vec<Badge> {
    let tone = match report.verdict.kind {
        VerdictKind::Valid => GOOD,
        VerdictKind::GeneratorLimited => DOUBTFUL,
        VerdictKind::Incomplete => BAD,
    };
    let mut badges = vec![Badge::new(report.verdict.kind.name(), tone)];
    if report.interrupted {
        badges.push(Badge::new("interrupted", DOUBTFUL));
    }
    match report.errors.total() {
        0 => {}
        1 => badges.push(Badge::new("1 error", BAD)),
        many => badges.push(Badge::new(&format!("{} errors", formatting::count(many)), BAD)),
    }
    if report.objectives.iter().any(|objective| !objective.met) {
        badges.push(Badge::new("objective missed", BAD));
    }
    badges
}

fn meaning(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Valid => "The figures describe the server and the network.",
        VerdictKind::GeneratorLimited => {
            "The load tester or its machine was too slow. The figures may describe it and not the server."
        }
        VerdictKind::Incomplete => "There were fewer connections or messages than requested.",
    }
}

fn heads(run: &Run<'_>) -> Vec<Head> {
    let report = run.report;
    let (times, median) = match report.response_time {
        Some(_) => ("response_time", "response p50"),
        None => ("service_time", "service p50"),
    };
    let head = |label, pointer: String, unit, note: &str| Head {
        label,
        cell: Cell::at(&run.document, pointer, unit).unwrap_or_else(Cell::none),
        note: note.to_owned(),
    };
    let time = |label, name| head(label, format!("/{times}/{name}"), Unit::Nanoseconds, "");
    let asked = match report.rate_asked() {
        Some(rate) => format!("of {} asked", Unit::Rate.show(rate)),
        None => String::new(),
    };
    vec![
        head("messages", "/throughput/messages_per_s".to_owned(), Unit::Rate, &asked),
        time(median, "p50_ns"),
        time("p99", "p99_ns"),
        time("p99.9", "p99_9_ns"),
        time("max", "max_ns"),
        Head {
            label: "errors",
            cell: Cell::told(formatting::count(report.errors.total())),
            note: String::new(),
        },
    ]
}

fn goals(report: &RunReport) -> Vec<Goal> {
    let goal = |objective: &crate::report::run_report::Objective| Goal {
        text: visible(&objective.text),
        measured: visible(&objective.measured),
        met: objective.met,
    };
    report.objectives.iter().map(goal).collect()
}
