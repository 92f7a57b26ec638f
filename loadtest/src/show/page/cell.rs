//! Figures in tables, each with its place in the report.

use serde_json::Value;

use super::Document;
use crate::formatting::{NONE, Unit};
use crate::report::distribution;

/// A table with a column for each run, or for each of its heads.
pub(super) struct Table {
    pub(super) title: &'static str,
    /// An addition to the title; may be empty.
    pub(super) note: &'static str,
    /// The columns, if they are not the runs: name and addition.
    pub(super) heads: Vec<(&'static str, &'static str)>,
    pub(super) rows: Vec<Row>,
}

/// One row of a table, with a cell for each column.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// A figure, or a few words.
pub(super) struct Cell {
    /// The text that is shown.
    pub(super) shown: String,
    /// The place that it comes from; `None` if it follows from several figures.
    pub(super) origin: Option<Origin>,
}

/// A place in a report, and its value.
pub(super) struct Origin {
    pub(super) run: usize,
    pub(super) pointer: String,
    /// The value as it stands in the JSON.
    pub(super) value: String,
}

impl Cell {
    /// Returns the figure at `pointer` in the run's report, or `None` if it is missing or null.
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

    /// Returns the figure at `pointer` with the caller's text.
    pub(super) fn exact(document: &Document, pointer: String, shown: String) -> Self {
        let value = document.json.pointer(&pointer).map_or_else(String::new, Value::to_string);
        Self { shown, origin: Some(Origin { run: document.index, pointer, value }) }
    }

    /// Returns words, or a figure that follows from several others.
    pub(super) fn told(shown: String) -> Self {
        Self { shown, origin: None }
    }

    pub(super) fn none() -> Self {
        Self::told(NONE.to_owned())
    }

    /// Returns whether there is nothing to see, so that the cell is shown paler.
    pub(super) fn is_idle(&self) -> bool {
        self.shown == NONE || self.shown == "0"
    }
}

/// Returns whether the figure belongs to a distribution that holds nothing. The count of such a
/// distribution is a figure nevertheless.
fn is_of_nothing(document: &Document, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let count = document.json.pointer(parent).and_then(|parent| {
        parent.get("histogram")?;
        parent.get("count")?.as_u64()
    });
    name != "count" && count == Some(0)
}
