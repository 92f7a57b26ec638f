//! The rounds of a search as rows of a table.

use super::ink::{Colour, Mark};
use super::text::visible;
use super::{Cell, Document};
use crate::capacity::{CapacityReport, Round};
use crate::formatting::Unit;

pub(super) struct RoundRow {
    pub(super) number: Cell,
    pub(super) cells: Vec<Cell>,
    pub(super) outcome: &'static str,
    /// The CSS class of the outcome.
    pub(super) tone: &'static str,
    pub(super) why: String,
    /// Whether the round was at the rate that is the capacity.
    pub(super) is_capacity: bool,
}

/// The outcome of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Held,
    Broke,
    NotCounted,
}

impl Standing {
    pub(super) const ALL: [Self; 3] = [Self::Held, Self::Broke, Self::NotCounted];

    pub(super) fn of(round: &Round) -> Self {
        match (round.used, round.met) {
            (true, true) => Self::Held,
            (true, false) => Self::Broke,
            (false, _) => Self::NotCounted,
        }
    }

    /// Returns its colour and mark in the plot, and its words in the legend.
    pub(super) fn look(self) -> (Colour, Mark, &'static str) {
        match self {
            Self::Held => (Colour::Good, Mark::Dot, "a round that held"),
            Self::Broke => (Colour::Bad, Mark::Cross, "a round that broke an objective"),
            Self::NotCounted => (Colour::Doubtful, Mark::Ring, "a round that does not count"),
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Held => ("● held", super::summary::GOOD),
            Self::Broke => ("✗ broke", super::summary::BAD),
            Self::NotCounted => ("○ not counted", super::summary::DOUBTFUL),
        }
    }
}

pub(super) fn rows(report: &CapacityReport, document: &Document) -> Vec<RoundRow> {
    let row = |(index, round)| row(index, round, report.capacity, document);
    report.rounds.iter().enumerate().map(row).collect()
}

fn row(index: usize, round: &Round, capacity: Option<f64>, document: &Document) -> RoundRow {
    let figure = |name: &str, unit| {
        let pointer = format!("/rounds/{index}/{name}");
        Cell::at(document, pointer, unit).unwrap_or_else(Cell::none)
    };
    let time = |name: &str, ns| {
        // No message came back, so there is no time.
        if ns == 0 { Cell::none() } else { figure(name, Unit::Nanoseconds) }
    };
    let standing = Standing::of(round);
    let (words, tone) = standing.words();
    RoundRow {
        number: figure("number", Unit::Count),
        cells: vec![
            figure("rate_asked", Unit::Rate),
            figure("rate_achieved", Unit::Rate),
            time("p50_ns", round.p50_ns),
            time("p99_ns", round.p99_ns),
            time("p99_9_ns", round.p99_9_ns),
            figure("errors", Unit::Count),
        ],
        outcome: words,
        tone,
        why: visible(&why(standing, round)),
        is_capacity: Some(round.rate_asked) == capacity,
    }
}

/// Says why a round did not hold.
fn why(standing: Standing, round: &Round) -> String {
    match standing {
        Standing::Held => String::new(),
        Standing::Broke => {
            let words: Vec<_> = round
                .objectives
                .iter()
                .filter(|it| !it.met)
                .map(|it| format!("{}: {}", it.text, it.measured))
                .collect();
            words.join("; ")
        }
        Standing::NotCounted => {
            let verdict = &round.verdict;
            format!("{}: {}", verdict.kind.name(), verdict.reasons.join("; "))
        }
    }
}
