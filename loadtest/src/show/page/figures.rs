//! The figures in the tables, and their places in a report.

use super::cell::{Cell, Row, Table};
use super::{Document, Run};
use crate::formatting::{self, Unit};
use crate::report::run_report::{Arrival, Load, RunReport};

/// A row: its label and its figure.
type Line = (&'static str, Figure);

#[derive(Clone, Copy)]
enum Figure {
    /// The figure at this JSON pointer, relative to the base of the table.
    At(&'static str, Unit),
    /// Words, or a figure that is calculated from the report. `None` if the run has none.
    Told(fn(&RunReport) -> Option<String>),
    /// Words, or a figure that is calculated from the load. `None` if the load has none.
    Asked(fn(&Load) -> Option<String>),
}

use Figure::{Asked, At, Told};

/// The source of the figures of a column.
struct Subject<'a> {
    document: &'a Document,
    load: &'a Load,
    /// `None` if the source is not a run.
    report: Option<&'a RunReport>,
}

impl<'a> Subject<'a> {
    fn run(run: &'a Run<'_>) -> Self {
        let report = run.report;
        Self { document: &run.document, load: &report.load, report: Some(report) }
    }
}

struct Group {
    title: &'static str,
    note: &'static str,
    /// The JSON pointer to its figures. It is empty for the whole report.
    base: &'static str,
    /// The rows in two parts. Several groups may share a part.
    lines: [&'static [Line]; 2],
}

const TIMES: &[Line] = &[
    ("p50", At("/p50_ns", Unit::Nanoseconds)),
    ("p75", At("/p75_ns", Unit::Nanoseconds)),
    ("p90", At("/p90_ns", Unit::Nanoseconds)),
    ("p99", At("/p99_ns", Unit::Nanoseconds)),
    ("p99.9", At("/p99_9_ns", Unit::Nanoseconds)),
    ("p99.99", At("/p99_99_ns", Unit::Nanoseconds)),
    ("max", At("/max_ns", Unit::Nanoseconds)),
    ("mean", At("/mean_ns", Unit::Nanoseconds)),
    ("standard deviation", At("/stddev_ns", Unit::Nanoseconds)),
    ("min", At("/min_ns", Unit::Nanoseconds)),
    ("count", At("/count", Unit::Count)),
];

const LATENCIES: [Group; 3] = [
    Group {
        title: "Response time",
        note: "from the time a message was due to the last byte of its echo",
        base: "/response_time",
        lines: [TIMES, &[]],
    },
    Group {
        title: "Service time",
        note: "from the time a message was ready to send to the last byte of its echo",
        base: "/service_time",
        lines: [TIMES, &[]],
    },
    Group {
        title: "Connect time",
        note: "from the connect call to the open connection",
        base: "/connect_time",
        lines: [TIMES, &[]],
    },
];

const GROUPS: [Group; 5] = [
    Group {
        title: "Throughput",
        note: "",
        base: "",
        lines: [
            &[
                ("achieved", At("/throughput/messages_per_s", Unit::Rate)),
                ("asked", Told(asked)),
                ("achieved of asked", Told(achieved)),
                ("bytes", At("/throughput/bytes_per_s", Unit::ByteRate)),
                ("messages due", At("/messages/asked", Unit::Count)),
                ("sent", At("/messages/sent", Unit::Count)),
                ("back and verified", At("/messages/verified", Unit::Count)),
                ("never sent", At("/messages/unsent", Unit::Count)),
                ("back in time", At("/throughput/messages", Unit::Count)),
                ("bytes back in time", At("/throughput/bytes", Unit::Bytes)),
                ("measured for", At("/throughput/duration_s", Unit::Seconds)),
            ],
            &[],
        ],
    },
    Group {
        title: "Connections",
        note: "",
        base: "/connections",
        lines: [
            &[
                ("asked for, at a time", At("/asked", Unit::Count)),
                ("established", At("/established", Unit::Count)),
                ("opened, with replacements", At("/opened", Unit::Count)),
                ("missing, on average", At("/missing", Unit::Part)),
            ],
            &[],
        ],
    },
    Group {
        title: "Flood",
        note: "not part of the other figures",
        base: "/flood",
        lines: [
            &[
                ("established", At("/connections/established", Unit::Count)),
                ("bytes", At("/bytes_per_s", Unit::ByteRate)),
                ("back in time", At("/messages", Unit::Count)),
                ("bytes back in time", At("/bytes", Unit::Bytes)),
                ("its thread was busy", At("/busy", Unit::Part)),
                ("errors", Told(flood_errors)),
            ],
            &[],
        ],
    },
    Group {
        title: "Load tester",
        note: "its own effect on the figures",
        base: "/generator",
        lines: [
            &[
                ("CPU per message", At("/cpu_per_message_ns", Unit::Nanoseconds)),
                ("CPU, all threads", Told(cpu)),
                ("busiest thread", Told(busiest)),
                ("waiting for a CPU, maximum", Told(waiting)),
                ("sent late, p50", At("/lateness/p50_ns", Unit::Nanoseconds)),
                ("sent late, p99", At("/lateness/p99_ns", Unit::Nanoseconds)),
                ("sent late, max", At("/lateness/max_ns", Unit::Nanoseconds)),
                ("no kernel timestamp", At("/without_stamp", Unit::Count)),
            ],
            &[],
        ],
    },
    Group {
        title: "Asked for",
        note: "",
        base: "/load",
        lines: [
            &[
                ("server", Told(|report| Some(super::text::visible(&report.target)))),
                ("loop", Asked(arrival)),
                ("rate", At("/rate", Unit::Rate)),
            ],
            LOAD,
        ],
    },
];

/// The load that the rounds of a search have in common. They differ in the rate.
const EACH_ROUND: Group = Group {
    title: "Each round",
    note: "",
    base: "/load",
    lines: [&[("loop", Asked(arrival))], LOAD],
};

/// A load without its rate.
const LOAD: &[Line] = &[
    ("connections", At("/connections", Unit::Count)),
    ("message size", Asked(size)),
    ("in flight per connection", At("/depth", Unit::Count)),
    ("sent together", At("/send_burst", Unit::Count)),
    ("duration", At("/duration_s", Unit::Seconds)),
    ("messages", At("/count", Unit::Count)),
    ("warm-up", At("/warmup_s", Unit::Seconds)),
    ("timeout", At("/timeout_s", Unit::Seconds)),
    ("new connections", At("/connect_rate", Unit::Rate)),
    ("messages per connection", At("/messages_per_connection", Unit::Count)),
    ("connections of the flood", At("/flood/connections", Unit::Count)),
    ("message size of the flood", At("/flood/size", Unit::Bytes)),
    ("in flight per connection of the flood", At("/flood/depth", Unit::Count)),
    ("threads", At("/threads", Unit::Count)),
    ("seed", Asked(|load| Some(load.seed.to_string()))),
    ("source addresses", Asked(sources)),
    ("busy polling", Asked(|load| load.busy_poll.then(|| "yes".to_owned()))),
    ("kernel timestamps", Asked(|load| load.kernel_timestamps.then(|| "yes".to_owned()))),
    ("part of the load", Asked(share)),
];

const ERRORS: Group = Group {
    title: "Errors",
    note: "",
    base: "/errors",
    lines: [
        &[
            ("refused", At("/refused", Unit::Count)),
            ("timeout", At("/timeout", Unit::Count)),
            ("reset", At("/reset", Unit::Count)),
            ("closed early", At("/closed_early", Unit::Count)),
            ("short", At("/short", Unit::Count)),
            ("corrupt", At("/corrupt", Unit::Count)),
            ("local", At("/local", Unit::Count)),
            ("all kinds", Told(|report| Some(formatting::count(report.errors.total())))),
        ],
        &[],
    ],
};

/// Returns the tables of times. For one run, the kinds of time are side by side in one table. For
/// several runs, each kind of time has a table.
pub(super) fn latencies(runs: &[Run<'_>]) -> Vec<Table> {
    let tables: Vec<Table> =
        LATENCIES.iter().filter_map(|group| table(group, &subjects(runs))).collect();
    if runs.len() > 1 { tables } else { side_by_side(tables).into_iter().collect() }
}

/// Returns the tables of all other figures and of the load, without rows that no run has.
pub(super) fn tables(runs: &[Run<'_>]) -> Vec<Table> {
    GROUPS.iter().filter_map(|group| table(group, &subjects(runs))).collect()
}

/// Returns the table of the errors by kind.
pub(super) fn errors(runs: &[Run<'_>]) -> Option<Table> {
    table(&ERRORS, &subjects(runs))
}

/// Returns the table of the load of each round of a search.
pub(super) fn each_round(document: &Document, load: &Load) -> Option<Table> {
    table(&EACH_ROUND, &[Subject { document, load, report: None }])
}

fn subjects<'a>(runs: &'a [Run<'_>]) -> Vec<Subject<'a>> {
    runs.iter().map(Subject::run).collect()
}

/// Joins tables of a single run, which have the same rows, to one table with a column for each.
fn side_by_side(tables: Vec<Table>) -> Option<Table> {
    let heads = tables.iter().map(|table| (table.title, table.note)).collect();
    let mut tables = tables.into_iter();
    let mut joined = tables.next()?;
    for table in tables {
        for (row, more) in joined.rows.iter_mut().zip(table.rows) {
            row.cells.extend(more.cells);
        }
    }
    Some(Table { title: "Latency", note: "", heads, ..joined })
}

/// Returns the table of a group, or `None` if no subject has any of its figures.
fn table(group: &Group, subjects: &[Subject<'_>]) -> Option<Table> {
    let lines = group.lines.iter().copied().flatten();
    let rows: Vec<Row> = lines.filter_map(|line| row(group.base, line, subjects)).collect();
    let Group { title, note, .. } = *group;
    (!rows.is_empty()).then_some(Table { title, note, heads: vec![], rows })
}

/// Returns a row, or `None` if no subject has the figure.
fn row(base: &str, (label, figure): &Line, subjects: &[Subject<'_>]) -> Option<Row> {
    let cells: Vec<Option<Cell>> = subjects
        .iter()
        .map(|subject| match figure {
            At(place, unit) => Cell::at(subject.document, format!("{base}{place}"), *unit),
            Told(tell) => subject.report.and_then(tell).map(Cell::told),
            Asked(tell) => tell(subject.load).map(Cell::told),
        })
        .collect();
    cells.iter().any(Option::is_some).then(|| Row {
        label,
        cells: cells.into_iter().map(|cell| cell.unwrap_or_else(Cell::none)).collect(),
    })
}

fn asked(report: &RunReport) -> Option<String> {
    report.rate_asked().map(|rate| Unit::Rate.show(rate))
}

fn achieved(report: &RunReport) -> Option<String> {
    report.rate_share().map(|share| Unit::Part.show(share))
}

fn cpu(report: &RunReport) -> Option<String> {
    let seconds: f64 = report.generator.threads.iter().map(|thread| thread.cpu_s).sum();
    (seconds > 0.0).then(|| Unit::Seconds.show(seconds))
}

fn busiest(report: &RunReport) -> Option<String> {
    let parts = report.generator.threads.iter().map(|thread| thread.busy);
    parts.reduce(f64::max).map(|part| Unit::Part.show(part))
}

fn waiting(report: &RunReport) -> Option<String> {
    let parts = report.generator.threads.iter().map(|thread| thread.waiting);
    parts.reduce(f64::max).map(|part| Unit::Part.show(part))
}

fn flood_errors(report: &RunReport) -> Option<String> {
    report.flood.map(|flood| formatting::count(flood.errors.total()))
}

fn arrival(load: &Load) -> Option<String> {
    let name = match load.arrival {
        Arrival::Closed => "closed",
        Arrival::Constant => "open, constant",
        Arrival::Poisson => "open, Poisson",
    };
    Some(name.to_owned())
}

fn size(load: &Load) -> Option<String> {
    let size = &load.size;
    let lengths = if size.min == size.max {
        format!("{} B", size.min)
    } else {
        format!("{} to {} B", size.min, size.max)
    };
    Some(match &size.file {
        Some(file) => format!("{lengths}, from {}", super::text::visible(file)),
        None => lengths,
    })
}

fn sources(load: &Load) -> Option<String> {
    let addresses = &load.source_ips;
    (!addresses.is_empty()).then(|| super::text::visible(&addresses.join(", ")))
}

fn share(load: &Load) -> Option<String> {
    (load.agent_count > 1).then(|| format!("{} of {}", load.agent_index, load.agent_count))
}
