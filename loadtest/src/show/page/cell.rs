//! Figures in tables, each with its origin in the report.

use serde_json::Value;

use super::Document;
use crate::formatting::{NONE, Unit};
use crate::report::distribution;

/// A table with a column for each run, or for each of its heads.
pub(super) struct Table {
    pub(super) title: &'static str,
    /// An addition to the title. It may be empty.
    pub(super) note: &'static str,
    /// The names of the columns, each with a note. Empty if the columns are the runs.
    pub(super) heads: Vec<(&'static str, &'static str)>,
    pub(super) rows: Vec<Row>,
}

/// A figure of each run.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// A figure, or a few words.
pub(super) struct Cell {
    /// The text that is shown.
    pub(super) shown: String,
    /// The origin of the figure. `None` if it is calculated from several figures.
    pub(super) origin: Option<Origin>,
}

/// A place in a report, and the value there.
pub(super) struct Origin {
    pub(super) run: usize,
    pub(super) pointer: String,
    /// The value as it is written in the JSON.
    pub(super) value: String,
}

impl Cell {
    /// Returns the figure at `pointer` in the report, or `None` if it is missing or null.
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

    /// Returns the figure at `pointer`, with the text `shown`.
    pub(super) fn exact(document: &Document, pointer: String, shown: String) -> Self {
        let value = document.json.pointer(&pointer).map_or_else(String::new, Value::to_string);
        Self { shown, origin: Some(Origin { run: document.index, pointer, value }) }
    }

    /// Returns a cell with words, or with a figure that is calculated from several others.
    pub(super) fn told(shown: String) -> Self {
        Self { shown, origin: None }
    }

    pub(super) fn none() -> Self {
        Self::told(NONE.to_owned())
    }

    /// Whether the cell is empty or zero. The page shows such a cell paler.
    pub(super) fn is_idle(&self) -> bool {
        self.shown == NONE || self.shown == "0"
    }
}

/// Whether the figure belongs to an empty distribution. The count of a distribution is always a figure.
fn is_of_nothing(document: &Document, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let count = document.json.pointer(parent).and_then(|parent| {
        parent.get("histogram")?;
        parent.get("count")?.as_u64()
    });
    name != "count" && count == Some(0)
}
