//! The sections of the table, in the order in which they are shown. Each is empty or ends with a
//! newline.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::formatting;
use crate::report::distribution::{self, Distribution};
use crate::report::run_report::{Arrival, Connections, Flood, Load, RunReport, VerdictKind};
use crate::report::verdict::MAX_BUSY;
use crate::show::table::{MAX_FINDINGS, end_of_times};

/// Width of the labels on the left.
const LABEL_WIDTH: usize = 15;

pub(super) fn verdict(report: &RunReport) -> String {
    let stopped = if report.interrupted { ", stopped by a signal before its time" } else { "" };
    let mut text = format!("{}{stopped}\n", report.verdict.kind.name());
    for reason in &report.verdict.reasons {
        text.push_str(&format!("  {reason}\n"));
    }
    text.push_str(match report.verdict.kind {
        VerdictKind::Valid => "",
        VerdictKind::GeneratorLimited => {
            "  the figures may describe the load tester instead of the server\n"
        }
        VerdictKind::Incomplete => "  the figures are for less load than was asked for\n",
    });
    text
}

pub(super) fn load(report: &RunReport) -> String {
    let mut text = line("target", &report.target);
    text.push_str(&line("load", &asked(&report.load)));
    let Load { agent_index, agent_count, .. } = report.load;
    if report.agents > 1 {
        text.push_str(&line("agents", &format!("{} of {agent_count}, merged", report.agents)));
    } else if agent_count > 1 {
        text.push_str(&line("agent", &format!("{agent_index} of {agent_count}")));
    }
    text
}

/// Describes the load in words.
fn asked(load: &Load) -> String {
    let mut parts = vec![formatting::counted(load.connections, "connection")];
    parts.push(match load.depth {
        1 => "one message in flight on each".to_owned(),
        depth => format!("{} in flight on each", formatting::counted(depth, "message")),
    });
    parts.push(size(load));
    parts.push(match (load.arrival, load.rate) {
        (Arrival::Constant, Some(rate)) => format!("{}/s evenly", formatting::rate(rate)),
        (Arrival::Poisson, Some(rate)) => format!("{}/s at random", formatting::rate(rate)),
        (Arrival::Closed | Arrival::Constant | Arrival::Poisson, _) => "closed loop".to_owned(),
    });
    if let Some(messages) = load.messages_per_connection {
        parts.push(format!("a new connection after {}", formatting::counted(messages, "message")));
    }
    if load.warmup_s > 0.0 {
        parts.push(format!("after {} of warm-up", formatting::time(load.warmup_s * 1e9)));
    }
    parts.push(format!("seed {}", load.seed));
    parts.join(", ")
}

fn size(load: &Load) -> String {
    let len = |len: usize| formatting::bytes(len as f64);
    let (min, max) = (load.size.min, load.size.max);
    let lengths = if min == max { len(min) } else { format!("{} to {}", len(min), len(max)) };
    match &load.size.file {
        Some(file) => format!("{lengths} from {file}"),
        None => lengths,
    }
}

pub(super) fn work(report: &RunReport) -> String {
    line("connections", &connections(report))
        + &line("messages", &messages(report))
        + &line("throughput", &throughput(report))
        + &report.flood.as_ref().map_or(String::new(), |found| line("flood", &flood(report, found)))
}

fn connections(report: &RunReport) -> String {
    let connections = report.connections;
    let (established, asked) = (connections.established, connections.asked);
    let mut text =
        format!("{} of {} established", formatting::count(established), formatting::count(asked));
    if connections.opened != established {
        text.push_str(&format!(", {} opened altogether", formatting::count(connections.opened)));
    }
    text
}

fn messages(report: &RunReport) -> String {
    let messages = report.messages;
    let mut text = format!("{} verified", formatting::count(messages.verified));
    match messages.asked {
        Some(asked) => text.push_str(&format!(" of {} asked", formatting::count(asked))),
        None => text.push_str(&format!(" of {} sent", formatting::count(messages.sent))),
    }
    if messages.unsent > 0 {
        text.push_str(&format!(", {} never sent", formatting::count(messages.unsent)));
    }
    text
}

fn throughput(report: &RunReport) -> String {
    let done = report.throughput;
    let mut text = format!("{} messages/s", formatting::rate(done.messages_per_s));
    if let (Some(asked), Some(share)) = (report.rate_asked(), report.rate_share()) {
        let part = formatting::percent(share);
        text.push_str(&format!(" of {} asked ({part})", formatting::rate(asked)));
    }
    let (each_way, duration) =
        (formatting::bytes(done.bytes_per_s), formatting::time(done.duration_s * 1e9));
    text + &format!(", {each_way}/s each way, for {duration}")
}

/// Describes the flood. Of the other figures, only the errors include it.
fn flood(report: &RunReport, found: &Flood) -> String {
    let Connections { asked, established, .. } = found.connections;
    let mut text =
        format!("{} of {} established", formatting::count(established), formatting::count(asked));
    if let Some(load) = &report.load.flood {
        let size = formatting::bytes(load.size as f64);
        text.push_str(&format!(", {} of {size} in flight on each", formatting::count(load.depth)));
    }
    text.push_str(&format!(", {}/s each way", formatting::bytes(found.bytes_per_s)));
    if found.busy.is_some_and(|busy| busy > MAX_BUSY) {
        text.push_str(" (the load tester may be the limit)");
    }
    match found.errors.total() {
        0 => text,
        errors => text + &format!(", {}", formatting::counted(errors, "error")),
    }
}

pub(super) fn times(report: &RunReport) -> String {
    let names = ["", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "max", "mean"];
    let mut table = plain();
    table.add_row(names);
    if let Some(times) = &report.response_time {
        table.add_row(percentiles("response time", times));
    }
    table.add_row(percentiles("service time", &report.service_time));
    table.add_row(percentiles("connect", &report.connect_time));
    if let Some(times) = &report.generator.lateness {
        table.add_row(percentiles("sent late by", times));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let end = end_of_times(&report.load, report.generator.without_stamp.unwrap_or_default());
    lines(&table) + &end.map_or(String::new(), |end| line("times", &end))
}

/// Returns a row of times, with dashes if there are none.
fn percentiles(name: &str, times: &Distribution) -> Vec<String> {
    let known = [
        times.p50_ns,
        times.p75_ns,
        times.p90_ns,
        times.p99_ns,
        times.p99_9_ns,
        times.p99_99_ns,
        times.max_ns,
    ];
    let mut row = vec![format!("{name:LABEL_WIDTH$}")];
    if times.count == 0 {
        row.extend(vec!["–".to_owned(); known.len() + 1]);
        return row;
    }
    row.extend(known.map(|ns| distribution::show_time(ns as f64)));
    row.push(formatting::time(times.mean_ns));
    row
}

pub(super) fn faults(report: &RunReport) -> String {
    let kinds = report.errors.by_kind().into_iter().filter(|(_, count)| *count > 0);
    let kinds: Vec<_> =
        kinds.map(|(kind, count)| format!("{} {kind}", formatting::count(count))).collect();
    let errors = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    let mut text = line("errors", &errors);
    for finding in report.findings.iter().take(MAX_FINDINGS) {
        let place = format!("at {:.3} s, connection {}", finding.at_s, finding.connection);
        text.push_str(&line("", &format!("{place}: {}: {}", finding.kind, finding.text)));
    }
    let more = report.findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        text.push_str(&line("", &format!("and {more} more in the JSON document")));
    }
    text
}

pub(super) fn generator(report: &RunReport) -> String {
    let threads = &report.generator.threads;
    let greatest = |part: fn(&crate::report::run_report::GeneratorThread) -> f64| {
        formatting::percent(threads.iter().map(part).fold(0.0, f64::max))
    };
    let each = if threads.len() > 1 { "at most " } else { "" };
    let text = format!(
        "{}, {each}{} busy, {each}{} waiting for a CPU, {} of CPU per message",
        formatting::counted(threads.len() as u64, "thread"),
        greatest(|thread| thread.busy),
        greatest(|thread| thread.waiting),
        formatting::time(report.generator.cpu_per_message_ns),
    );
    line("generator", &text)
}

pub(super) fn objectives(report: &RunReport) -> String {
    let mut table = plain();
    for (index, objective) in report.objectives.iter().enumerate() {
        // The table adds two spaces.
        let label = if index == 0 { "objectives   " } else { "             " };
        let outcome = if objective.met { "met" } else { "BROKEN" };
        table.add_row([label, outcome, &objective.text, &objective.measured]);
    }
    lines(&table)
}

fn line(label: &str, text: &str) -> String {
    format!("{label:LABEL_WIDTH$}{text}\n")
}

/// Creates a table without borders. Each column is as wide as its content.
fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Returns the rows of a plain table, without spaces at their beginning and end.
fn lines(table: &Table) -> String {
    let mut text = String::new();
    for row in table.lines() {
        text.push_str(row.strip_prefix(' ').unwrap_or(&row).trim_end());
        text.push('\n');
    }
    text
}
