//! Figures in tables, each with its place in the report.

use serde_json::Value;

use super::Document;
use crate::formatting::{NONE, Unit};
use crate::report::distribution;

/// A table with a column for each run, or for each of its heads.
pub(super) struct Table {
    pub(super) title: &'static str,
    /// What the title does not say; may be empty.
    pub(super) note: &'static str,
    /// The columns when they are not the runs, each with what its name does not say.
    pub(super) heads: Vec<(&'static str, &'static str)>,
    pub(super) rows: Vec<Row>,
}

/// What each run has to say to something.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// A figure, or a few words.
pub(super) struct Cell {
    /// As it is shown.
    pub(super) shown: String,
    /// Where it comes from; `None` for what follows from several figures.
    pub(super) origin: Option<Origin>,
}

/// A place in a report, and what stands there.
pub(super) struct Origin {
    pub(super) run: usize,
    pub(super) pointer: String,
    /// As it stands in the JSON.
    pub(super) value: String,
}

impl Cell {
    /// The figure at `pointer` in the run's report; none when it is missing there or null.
    pub(super) fn at(document: &Document, pointer: String, unit: Unit) -> Option<Self> {
        let value = document.json.pointer(&pointer).filter(|value| !value.is_null())?;
        let shown = match value.as_f64() {
            Some(_) if is_of_nothing(document, &pointer) => NONE.to_owned(),
            Some(number) if unit == Unit::Nanoseconds => distribution::show_time(number),
            Some(number) => unit.show(number),
            None => value.to_string(),
        };
        Some(Self::exact(document, pointer, shown))
    }

    /// The figure at `pointer`, shown in the caller's way.
    pub(super) fn exact(document: &Document, pointer: String, shown: String) -> Self {
        let value = document.json.pointer(&pointer).map_or_else(String::new, Value::to_string);
        Self { shown, origin: Some(Origin { run: document.index, pointer, value }) }
    }

    /// Words, or what follows from several figures.
    pub(super) fn told(shown: String) -> Self {
        Self { shown, origin: None }
    }

    pub(super) fn none() -> Self {
        Self::told(NONE.to_owned())
    }

    /// Whether there is nothing to see: it is shown paler.
    pub(super) fn is_idle(&self) -> bool {
        self.shown == NONE || self.shown == "0"
    }
}

/// Whether the figure is one of a distribution that holds nothing. Its count itself is a figure.
fn is_of_nothing(document: &Document, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let count = document.json.pointer(parent).and_then(|parent| {
        parent.get("histogram")?;
        parent.get("count")?.as_u64()
    });
    name != "count" && count == Some(0)
}
