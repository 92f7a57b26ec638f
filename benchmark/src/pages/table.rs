//! The bars, and the tables of one workload, as Markdown.

use std::fmt::Write;

use echo_loadtest::compare::CompareReport;
use echo_loadtest::formatting;
use echo_loadtest::run_report::VerdictKind;

use super::markdown::one_line;
use crate::findings::bar::{Bar, Judged};
use crate::findings::finding::{Finding, Named, Unfit};
use crate::findings::metric;
use crate::findings::outcome::Outcome;
use crate::results::{Comparison, Conditions, Results, rank};
use crate::setting::Setting;
use crate::workload::{Means, Workload};

/// A figure that is missing.
const NONE: &str = "–";

/// Returns a workload with its bars and its table.
pub(super) fn workload(results: &Results, workload: &Workload) -> String {
    let (name, title, flags) = (workload.name(), workload.title, flags_in_words(results, workload));
    let mut text = format!("**{name}: {title}.** {flags}");
    let judged = judged(results, workload);
    if !judged.is_empty() {
        text.push('\n');
    }
    for (bar, Judged { judgement, measured }) in judged {
        let _ = write!(text, "\n- {}: **{}**; {measured}", bar.text(), judgement.name());
    }
    let comparisons = results.of(workload);
    let rest = match comparisons.is_empty() {
        true => "Not measured in this run.".to_owned(),
        false if says_nothing(results, workload) => limited(&comparisons),
        false => table(results, workload, &comparisons),
    };
    text + "\n\n" + &rest
}

/// Returns the flags that were measured with. They are taken from the results, because a workload may
/// have changed since.
fn flags_in_words(results: &Results, workload: &Workload) -> String {
    let report = results.of(workload).into_iter().find_map(|found| match &found.outcome {
        Outcome::Compared(report) => Some(report),
        Outcome::Idle(_) | Outcome::Failed(_) => None,
    });
    let (load, ours) = match report {
        Some(report) => (
            after("--warmup", report.command.iter().map(String::as_str)),
            after("--num-workers", report.b.split_whitespace()),
        ),
        None => (workload.flags(results.header.setting).join(" "), workload.ours.to_owned()),
    };
    let mut parts = vec![];
    if workload.means != Means::Idle {
        parts.push(format!("`loadtest compare … {load}`."));
    }
    if !ours.is_empty() {
        parts.push(format!("Our server has `{ours}`."));
    }
    if workload.rounds_last > 1 {
        parts.push(format!("Rounds are {} times as long as elsewhere.", workload.rounds_last));
    }
    parts.join(" ")
}

/// Returns the words after a flag and its value.
fn after<'a>(flag: &str, words: impl Iterator<Item = &'a str>) -> String {
    words.skip_while(|word| *word != flag).skip(2).collect::<Vec<_>>().join(" ")
}

/// Returns each bar of a workload with its judgement. Bars are judged in the pinned setting only.
pub(super) fn judged<'a>(results: &Results, workload: &'a Workload) -> Vec<(&'a Bar, Judged)> {
    let bars = match results.header.setting {
        Setting::Pinned => workload.bars,
        Setting::Unpinned => &[],
    };
    let judge = |bar: &'a Bar| (bar, bar.judge(&results.findings(workload, bar.metric)));
    bars.iter().map(judge).collect()
}

/// Returns whether a table would rank nothing and no bar refers to it.
fn says_nothing(results: &Results, workload: &Workload) -> bool {
    let findings = |name: &&str| results.findings(workload, name);
    judged(results, workload).is_empty()
        && workload
            .metrics
            .iter()
            .flat_map(findings)
            .all(|named| named.finding.unfit == Some(Unfit::Limited(None)))
}

/// Returns the sentence that stands in the place of such a table.
fn limited(comparisons: &[&Comparison]) -> String {
    let count = comparisons.len();
    format!("The load tester was the limit in all {count} comparisons, so nothing is ranked.")
}

fn table(results: &Results, workload: &Workload, comparisons: &[&Comparison]) -> String {
    let first = workload.metrics[0];
    let mut ranked = results.findings(workload, first);
    rank(first, &mut ranked);
    let heads = workload.metrics.iter().map(|name| {
        let title = metric::title(name);
        format!(" {title}, peer → ours | ours/peer |")
    });
    let mut text = "| peer |".to_owned();
    text.extend(heads);
    text.push_str(" rounds | |\n|---|");
    text.extend(workload.metrics.iter().map(|_| "--:|--:|"));
    text.push_str("--:|---|");
    for Named { peer, finding, .. } in &ranked {
        if let Some(found) = comparisons.iter().find(|found| found.peer == *peer) {
            let _ = write!(text, "\n{}", row(found, workload, finding.rounds));
        }
    }
    text
}

fn row(comparison: &Comparison, workload: &Workload, rounds: usize) -> String {
    let mut row = format!("| {} |", comparison.peer);
    for name in workload.metrics {
        let finding = Finding::new(&comparison.outcome, name);
        let _ = write!(row, " {} | {} |", values(name, &finding), ratio(&finding));
    }
    let _ = write!(row, " {rounds} | {} |", notes(comparison));
    row
}

fn values(name: &str, finding: &Finding) -> String {
    match (finding.theirs, finding.ours) {
        (Some(theirs), Some(ours)) => format!("{} → {}", theirs.show(name), ours.show(name)),
        (_, _) => NONE.to_owned(),
    }
}

fn ratio(finding: &Finding) -> String {
    match (&finding.unfit, finding.estimate) {
        (Some(unfit), _) => unfit.to_string(),
        (None, None) => NONE.to_owned(),
        (None, Some(estimate)) => {
            let ratio = match estimate.is_significant() {
                true => format!("**{:.3}**", estimate.ratio),
                false => format!("{:.3}", estimate.ratio),
            };
            let bounds = estimate.interval.map(|(low, high)| format!(" [{low:.3} .. {high:.3}]"));
            ratio + &bounds.unwrap_or_default()
        }
    }
}

/// Returns what a reader must know before believing a row.
fn notes(comparison: &Comparison) -> String {
    let mut notes = vec![];
    match &comparison.outcome {
        Outcome::Failed(failure) => notes.push(one_line(&failure.why)),
        Outcome::Compared(report) => notes.extend(troubles(report)),
        Outcome::Idle(_) => {}
    }
    if comparison.conditions.is_disturbed() {
        let Conditions { others_cpus, stolen_cpus, .. } = comparison.conditions;
        notes.push(format!("disturbed: others used {:.2} CPUs", others_cpus + stolen_cpus));
    }
    notes.join("; ")
}

/// Returns the errors of a report, and the reasons why rounds are missing. Whether the load tester was
/// the limit stands beside the figures.
fn troubles(report: &CompareReport) -> Vec<String> {
    let mut troubles = vec![];
    if report.errors() > 0 {
        troubles.push(formatting::counted(report.errors(), "error"));
    }
    let has_stopped = report.rounds.len() < report.rounds_asked as usize;
    if has_stopped || report.verdict.kind == VerdictKind::Incomplete {
        troubles.extend(report.verdict.reasons.iter().map(|reason| one_line(reason)));
    }
    troubles
}

/// Returns the table of all bars with their judgements.
pub(super) fn bars(results: &Results, workloads: &[Workload]) -> String {
    let mut text = "| | bar | | measured |\n|---|---|---|---|".to_owned();
    for workload in workloads {
        for (bar, Judged { judgement, measured }) in judged(results, workload) {
            let (name, bar, word) = (workload.name(), bar.text(), judgement.name());
            let _ = write!(text, "\n| {name} | {bar} | **{word}** | {} |", one_line(&measured));
        }
    }
    text
}

#[cfg(test)]
mod tests;
