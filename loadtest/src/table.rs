//! A report as a person reads it: the verdict first, then the figures, each with its unit. Pure.

mod sections;

use crate::run_report::{RunReport, VerdictKind};

/// The findings that are shown; the document has more.
const MAX_FINDINGS: usize = 10;

/// The whole report, with a newline at its end. No byte that came from outside reaches a terminal as a
/// control sequence.
#[must_use]
pub fn render(report: &RunReport) -> String {
    let sections = [
        sections::verdict(report),
        sections::load(report),
        sections::work(report),
        sections::times(report),
        sections::faults(report),
        sections::generator(report),
        sections::objectives(report),
    ];
    let shown: Vec<_> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    tamed(&shown.join("\n"))
}

/// Whether the figures are to be taken with a warning.
fn doubtful(report: &RunReport) -> bool {
    report.verdict.kind != VerdictKind::Valid || report.interrupted
}

/// Text in which nothing but newlines has power over a terminal.
fn tamed(text: &str) -> String {
    let power = |character: char| character.is_control() && character != '\n';
    text.chars().map(|character| if power(character) { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests;
