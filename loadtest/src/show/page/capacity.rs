//! Renders a search for the capacity as a page.

use askama::Template;

use super::chart::Chart;
use super::ink::Colour;
use super::rounds::RoundRow;
use super::source::{Facts, Source};
use super::summary::{BAD, Badge, DOUBTFUL, GOOD, Head, Summary};
use super::text::visible;
use super::{Cell, Document, Table, curve, figures, rounds, text};
use crate::capacity::curve::{Point, exact, points};
use crate::capacity::{CapacityReport, Ending, Knee};
use crate::formatting::{self, Unit};
use crate::report::distribution;

/// Renders the page of a search, which is called `name` on it, as UTF-8 text. Its figures are marked as
/// on the page of runs, all with run 0.
///
/// # Errors
/// A sentence, if the page cannot be rendered.
pub fn render(name: &str, report: &CapacityReport) -> Result<String, String> {
    let document = Document::new(0, name, report)?;
    let page = Page {
        title: visible(name),
        summary: summary(report, &document),
        charts: curve::chart(report).into_iter().collect(),
        rounds: rounds::rows(report, &document),
        source: source(name, report),
        load: figures::each_round(&document, &report.load),
    };
    page.render().map_err(|error| format!("make the page: {error}"))
}

#[derive(Template)]
#[template(path = "capacity.html")]
struct Page {
    title: String,
    summary: Summary,
    charts: Vec<Chart>,
    rounds: Vec<RoundRow>,
    source: Source,
    /// The load that all rounds have in common.
    load: Option<Table>,
}

fn summary(report: &CapacityReport, document: &Document) -> Summary {
    let connections = formatting::counted(report.load.connections, "connection");
    let objectives = report.objectives.join(", ");
    Summary {
        colour: Colour::Run(0).class(),
        number: 1,
        name: String::new(),
        about: visible(&format!("{} · {connections} · to meet {objectives}", report.target)),
        badges: badges(report),
        meaning: visible(&sentence(&report.conclusion)),
        reasons: vec![],
        heads: heads(report, document),
        objectives: vec![],
    }
}

/// Adds a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).chain(['.']).collect()
}

fn badges(report: &CapacityReport) -> Vec<Badge> {
    let (words, tone) = match report.ending {
        Ending::Found => ("confirmed", GOOD),
        Ending::HighestRateHeld => ("highest rate held", GOOD),
        Ending::NoRateHeld => ("no rate held", BAD),
        Ending::GeneratorLimited => ("GENERATOR-LIMITED", DOUBTFUL),
        Ending::RoundsUsedUp => ("not confirmed", DOUBTFUL),
        Ending::Interrupted => ("interrupted", DOUBTFUL),
        Ending::Failed { .. } => ("failed", BAD),
    };
    vec![Badge::new(words, tone)]
}

fn heads(report: &CapacityReport, document: &Document) -> Vec<Head> {
    let rate = |pointer: &str| {
        Cell::at(document, pointer.to_owned(), Unit::Rate).unwrap_or_else(Cell::none)
    };
    let head = |label, cell, note| Head { label, cell, note };
    let is_limited = report.broke.as_ref().is_some_and(|knee| knee.generator_limited);
    let beyond = if is_limited { "cannot reach" } else { "breaks at" };
    let points = points(&report.rounds);
    let there = points.iter().find(|point| Some(point.rate) == report.capacity);
    vec![
        head("capacity", rate("/capacity"), how_sure(report)),
        head("held there", often(report.held.as_ref()), chance(report.held.as_ref())),
        head(beyond, rate("/broke/rate"), broken(report.broke.as_ref())),
        head("p50 there", median(there, |round| exact(round.p50_ns)), String::new()),
        head("p99 there", median(there, |round| exact(round.p99_ns)), String::new()),
        head("rounds", Cell::told(report.rounds.len().to_string()), left_out(report)),
    ]
}

/// Describes how certain the capacity is.
fn how_sure(report: &CapacityReport) -> String {
    let bound = report.broke.as_ref().filter(|knee| !knee.generator_limited);
    match (report.capacity, bound, &report.ending) {
        (None, ..) => "no rate is known to hold".to_owned(),
        (Some(_), None, _) => "at least".to_owned(),
        (Some(rate), Some(knee), Ending::Found) => {
            format!("to within {}", Unit::Part.show(knee.rate / rate - 1.0))
        }
        (Some(_), Some(_), _) => "not confirmed".to_owned(),
    }
}

fn often(knee: Option<&Knee>) -> Cell {
    let of = |knee: &Knee| Cell::told(format!("{} of {}", knee.held, knee.rounds));
    knee.map_or_else(Cell::none, of)
}

fn chance(knee: Option<&Knee>) -> String {
    let of = |knee: &Knee| {
        let (low, high) = (100.0 * knee.chance_low, 100.0 * knee.chance_high);
        format!("rounds; {low:.0} to {high:.0}% of all rounds would, at 95% confidence")
    };
    knee.map_or_else(String::new, of)
}

fn broken(knee: Option<&Knee>) -> String {
    match knee {
        None => "no rate is known to break".to_owned(),
        Some(knee) if knee.generator_limited => "more than the load tester can send".to_owned(),
        Some(knee) => format!("held in {} of {} rounds", knee.held, knee.rounds),
    }
}

fn median(point: Option<&Point<'_>>, of: fn(&crate::capacity::Round) -> f64) -> Cell {
    let time = point.and_then(|point| point.median(of));
    time.map_or_else(Cell::none, |ns| Cell::told(distribution::show_time(ns)))
}

fn left_out(report: &CapacityReport) -> String {
    match report.rounds.iter().filter(|round| !round.used).count() {
        0 => "all of them count".to_owned(),
        many => format!("{many} of them do not count"),
    }
}

fn source(name: &str, report: &CapacityReport) -> Source {
    let CapacityReport { program, command, machine, started_at, .. } = report;
    let facts = Facts { command, measured: text::since(started_at), program, machine, agents: 1 };
    Source::new(Colour::Run(0).class(), name, &facts)
}
