//! Formats a comparison as text.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::compare::conclusion::show_p_value;
use crate::compare::{CompareReport, Comparison, Round};
use crate::formatting;
use crate::report::run_report::VerdictKind;
use crate::show::table::end_of_times;

/// Writes a table of the figures, then the results in sentences.
impl fmt::Display for CompareReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a: {}\nb: {}", self.a, self.b)?;
        writeln!(f, "{}", table(&self.metrics))?;
        if let Some(end) = end_of_times(&self.load, self.without_stamp()) {
            writeln!(f, "times {end}")?;
        }
        if self.rounds.iter().any(|round| round.used) {
            for comparison in &self.metrics {
                writeln!(f, "{}", comparison.conclusion)?;
            }
        } else {
            writeln!(f, "nothing is known: no round counts")?;
        }
        writeln!(f, "{}", self.rounds_in_words())?;
        for condition in &self.conditions {
            let outcome = match (condition.judged, condition.broken) {
                (_, true) => "FAILED",
                (true, false) => "passed",
                (false, false) => "NOT JUDGED",
            };
            writeln!(f, "fail if {}: {outcome}; {}", condition.text, condition.measured)?;
        }
        write!(f, "{}", self.verdict.kind.name())?;
        self.verdict.reasons.iter().try_for_each(|reason| write!(f, "\n  {reason}"))?;
        writeln!(f)
    }
}

impl CompareReport {
    /// Returns the number of messages without a kernel timestamp in the rounds that count.
    fn without_stamp(&self) -> u64 {
        let runs =
            self.rounds.iter().filter(|round| round.used).flat_map(|round| [&round.a, &round.b]);
        runs.filter_map(|run| run.without_stamp).fold(0, u64::saturating_add)
    }

    fn rounds_in_words(&self) -> String {
        let used = self.rounds.iter().filter(|round| round.used).count();
        let left_out = |kind| {
            let is_of_kind = |round: &&Round| round.invalid().any(|verdict| verdict.kind == kind);
            match self.rounds.iter().filter(is_of_kind).count() {
                0 => String::new(),
                count => format!(", {count} left out as {}", kind.name()),
            }
        };
        let errors = match self.errors() {
            0 => String::new(),
            errors => format!(", {}", formatting::counted(errors, "error")),
        };
        let counting = match used {
            1 => "1 round counts".to_owned(),
            used => format!("{used} rounds count"),
        };
        format!(
            "{counting}{}{}{errors}; each line is judged on its own: of 20 lines without a \
             real difference, 1 shows one",
            left_out(VerdictKind::GeneratorLimited),
            left_out(VerdictKind::Incomplete),
        )
    }
}

fn table(comparisons: &[Comparison]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["", "a", "b", "b/a", "95 % interval", "chance alone"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    comparisons.iter().for_each(|comparison| {
        table.add_row(row(comparison));
    });
    table
}

fn row(comparison: &Comparison) -> [String; 6] {
    let metric = comparison.metric;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    [
        metric.title().to_owned(),
        or_dash(comparison.a.map(|value| metric.show(value))),
        or_dash(comparison.b.map(|value| metric.show(value))),
        or_dash(comparison.ratio.map(|ratio| format!("{ratio:.3}"))),
        or_dash(
            comparison.interval.map(|bounds| format!("{:.3} .. {:.3}", bounds.low, bounds.high)),
        ),
        or_dash(comparison.p_value.map(show_p_value)),
    ]
}
