//! Formats the throughput-latency curve as text: a line for each rate, with a bar.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::capacity::curve::{Point, exact, points};
use crate::capacity::{CapacityReport, Round};
use crate::formatting;

/// Maximum length of a bar in characters.
const BAR_LEN: f64 = 30.0;

/// Characters that are filled by 0 to 7 eighths.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Writes a line for each rate with the medians of its rounds, then the result in sentences.
impl fmt::Display for CapacityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} has to meet {}", self.target, self.objectives.join(", "))?;
        writeln!(f, "{}", table(&self.rounds, self.capacity))?;
        let rounds = formatting::counted(self.rounds.len() as u64, "round");
        match self.rounds.iter().filter(|round| !round.used).count() {
            0 => writeln!(f, "{rounds}")?,
            lost => writeln!(f, "{rounds}, {lost} of them not VALID and left out")?,
        }
        writeln!(f, "{}", self.conclusion)
    }
}

fn table(rounds: &[Round], capacity: Option<f64>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["asked", "achieved", "p50", "p99", "p99.9", "held", "p99, logarithmic"]);
    for column in table.column_iter_mut().take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let points = points(rounds);
    let p99s: Vec<f64> = points.iter().filter_map(|point| point.median(p99)).collect();
    let least = p99s.iter().copied().fold(f64::INFINITY, f64::min);
    let most = p99s.iter().copied().fold(0.0, f64::max);
    for point in &points {
        let mark = if Some(point.rate) == capacity { " ◀ capacity" } else { "" };
        let bar = point.median(p99).map(|p99| bar(p99, least, most)).unwrap_or_default();
        table.add_row(point.row(&(bar + mark)));
    }
    table
}

impl Point<'_> {
    fn row(&self, bar: &str) -> [String; 7] {
        let time = |of: fn(&Round) -> f64| self.median(of).map(formatting::time);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        [
            formatting::per_second(self.rate),
            or_dash(self.median(|round| round.rate_achieved).map(formatting::per_second)),
            or_dash(time(|round| exact(round.p50_ns))),
            or_dash(time(p99)),
            or_dash(time(|round| exact(round.p99_9_ns))),
            self.held(),
            bar.to_owned(),
        ]
    }

    /// Returns a text such as `4 of 5`, or the verdict if no round counts.
    fn held(&self) -> String {
        let used = self.rounds.iter().filter(|round| round.used).count();
        let held = self.rounds.iter().filter(|round| round.used && round.met).count();
        match self.rounds.last() {
            Some(last) if used == 0 => last.verdict.kind.name().to_owned(),
            Some(_) | None => format!("{held} of {used}"),
        }
    }
}

fn p99(round: &Round) -> f64 {
    exact(round.p99_ns)
}

/// Returns a bar that grows by the same length for each doubling. The least value has a short bar.
fn bar(value: f64, least: f64, most: f64) -> String {
    let span = (most / least).ln();
    let part = if span > 0.0 { (value / least).ln() / span } else { 0.0 };
    let len = 1.0 + part.clamp(0.0, 1.0) * (BAR_LEN - 1.0);
    #[expect(clippy::cast_possible_truncation, reason = "the length is at most 240")]
    #[expect(clippy::cast_sign_loss, reason = "the length is positive")]
    let eighths = if len.is_finite() { (len * 8.0).round() as usize } else { 8 };
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_with_the_magnitude() {
        let lengths: Vec<usize> =
            [1e5, 1e6, 1e7].map(|ns| bar(ns, 1e5, 1e7).chars().count()).into();
        assert_eq!(lengths, [1, 16, 30]);
        assert_eq!(bar(1e6, 1e5, 1e7).chars().last(), Some('▌'));
        assert_eq!((bar(5.0, 5.0, 5.0), bar(0.0, 0.0, 0.0)), ("█".to_owned(), "█".to_owned()));
    }
}
