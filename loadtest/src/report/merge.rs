//! Merges the reports of several generators that shared a load. Histograms and counts are added, so the
//! figures are those that a single generator would have measured. Uses no file and no clock.
//!
//! Reports that do not belong together are refused with a sentence: reports of different loads or
//! servers, the same generator twice, and generators that did not measure at the same time.

mod checks;
mod series;
mod sums;
#[cfg(test)]
mod tests;
mod times;

use crate::formatting;
use crate::report::merge::times::Windows;
use crate::report::run_report::{Finding, Load, RunReport, Verdict, VerdictKind};

/// Maximum number of findings in a merged report. The earliest ones are kept.
pub const MAX_FINDINGS: usize = 100;

/// Minimum share of the longest measurement during which all generators must have measured.
const MIN_SHARED: f64 = 0.95;

/// A report and its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of its file, for sentences about it.
    pub name: String,
    /// The report.
    pub report: RunReport,
}

/// Merges the parts, which may be in any order, into one report. The report has no judged objectives,
/// because the parts' results do not determine the result of the whole; see [`objectives`].
///
/// # Errors
/// A sentence that names the parts that do not belong together, or the part that is invalid.
pub fn merge(parts: &[Part]) -> Result<RunReport, String> {
    let mut parts: Vec<&Part> = parts.iter().collect();
    parts.sort_by_key(|part| part.report.load.agent_index);
    let first = checks::belong_together(&parts)?;
    let windows = Windows::new(&parts)?;
    let verdict = verdict(&parts, &windows);
    let reports: Vec<&RunReport> = parts.iter().map(|part| &part.report).collect();
    let throughput = sums::throughput(&reports, windows.total_s());
    Ok(RunReport {
        agents: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        started_at: windows.started_at(),
        ended_at: windows.ended_at(),
        load: load(&first.load, &reports),
        verdict,
        interrupted: reports.iter().any(|report| report.interrupted),
        connections: sums::connections(reports.iter().map(|report| report.connections)),
        messages: sums::messages(&reports),
        flood: sums::flood(&parts, throughput.duration_s)?,
        throughput,
        response_time: sums::optional_times(&parts, |report| report.response_time.as_ref())?,
        service_time: sums::times(&parts, |report| &report.service_time)?,
        connect_time: sums::times(&parts, |report| &report.connect_time)?,
        errors: sums::errors(reports.iter().map(|report| report.errors)),
        findings: findings(&parts, &windows),
        generator: sums::generator(&parts)?,
        intervals: series::merge(&parts, &windows)?,
        objectives: vec![],
        ..first.clone()
    })
}

/// Returns the objectives of all parts, each once. The caller judges them by the merged report.
#[must_use]
pub fn objectives(parts: &[Part]) -> Vec<String> {
    let mut texts = vec![];
    for objective in parts.iter().flat_map(|part| &part.report.objectives) {
        if !texts.contains(&objective.text) {
            texts.push(objective.text.clone());
        }
    }
    texts
}

/// Returns the load of all generators: that of the first one, with the threads and source addresses of
/// all.
fn load(first: &Load, reports: &[&RunReport]) -> Load {
    let mut source_ips: Vec<_> =
        reports.iter().flat_map(|report| report.load.source_ips.iter().cloned()).collect();
    source_ips.sort();
    source_ips.dedup();
    Load {
        threads: sums::total(reports, |report| report.load.threads),
        busy_poll: reports.iter().any(|report| report.load.busy_poll),
        interval_s: series::longest_s(reports.iter().copied()),
        source_ips,
        ..first.clone()
    }
}

/// Returns the worst verdict of the parts. It adds the reasons that only show when the parts are merged.
fn verdict(parts: &[&Part], windows: &Windows) -> Verdict {
    let mut reasons = vec![];
    let mut kind = VerdictKind::Valid;
    for (part, report) in parts.iter().map(|part| (part, &part.report)) {
        kind = kind.max(report.verdict.kind);
        let name = agent(part);
        reasons.extend(report.verdict.reasons.iter().map(|reason| format!("{name}: {reason}")));
    }
    let incomplete: Vec<_> =
        [missing(parts), apart(parts, windows)].into_iter().flatten().collect();
    if !incomplete.is_empty() {
        kind = kind.max(VerdictKind::Incomplete);
    }
    Verdict { kind, reasons: incomplete.into_iter().chain(reasons).collect() }
}

/// Returns a sentence that lists the agents without a report.
fn missing(parts: &[&Part]) -> Option<String> {
    let count = parts.first().map_or(0, |part| part.report.load.agent_count);
    let is_there = |index: &u32| parts.iter().any(|part| part.report.load.agent_index == *index);
    // A list of thousands would not help.
    let absent: Vec<_> = (0..count).filter(|index| !is_there(index)).collect();
    let shown: Vec<_> = absent.iter().take(10).map(u32::to_string).collect();
    let more = if absent.len() > shown.len() { ", …" } else { "" };
    let list = shown.join(", ");
    match absent.len() {
        0 => None,
        1 => Some(format!("there is no report of agent {list} of {count}")),
        missing => {
            Some(format!("there are no reports of {missing} of {count} agents: {list}{more}"))
        }
    }
}

/// Returns a sentence if only some agents measured during a large part of the time. If the load is a
/// count of messages, it is normal that some agents end before others.
fn apart(parts: &[&Part], windows: &Windows) -> Option<String> {
    let timed = parts.iter().any(|part| part.report.load.duration_s.is_some());
    (timed && windows.shared_s() < MIN_SHARED * windows.longest_s()).then(|| {
        format!(
            "all agents measured at the same time for only {} of {}",
            formatting::time(windows.shared_s() * 1e9),
            formatting::time(windows.longest_s() * 1e9)
        )
    })
}

/// Returns the earliest findings of all parts, on the clock of the merged report.
fn findings(parts: &[&Part], windows: &Windows) -> Vec<Finding> {
    let mut findings = vec![];
    for (part, offset_s) in parts.iter().zip(windows.offsets_s()) {
        findings.extend(part.report.findings.iter().map(|finding| Finding {
            at_s: finding.at_s + offset_s,
            text: format!("{}: {}", agent(part), finding.text),
            ..finding.clone()
        }));
    }
    findings.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    findings.truncate(MAX_FINDINGS);
    findings
}

fn agent(part: &Part) -> String {
    format!("agent {}", part.report.load.agent_index)
}
