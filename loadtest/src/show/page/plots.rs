//! The plots of the page, and the lines in them.

use super::Run;
use super::axis::Axis;
use super::chart::{Chart, Key, LOW, Symbol, WIDE};
use super::ink::{Colour, Stroke};
use super::plot::{Line, Plot, Size};
use super::{spectrum, ticks, timeline};
use crate::report::run_report::{Interval, RunReport};

/// Returns all plots for which these runs have data.
///
/// # Errors
/// A sentence, if a histogram cannot be read.
pub(super) fn charts(runs: &[Run<'_>]) -> Result<Vec<Chart>, String> {
    let mut charts = vec![spectrum(runs)?];
    charts.extend(latency(runs));
    charts.push(throughput(runs));
    charts.push(errors(runs));
    Ok(charts.into_iter().flatten().collect())
}

fn chart(
    words: (&'static str, &'static str),
    runs: &[Run<'_>],
    strokes: Vec<Key>,
    wide: Size,
    plot: &Plot,
) -> Chart {
    let named = |run: &Run<'_>| Key {
        colour: Some(Colour::Run(run.index())),
        symbol: Symbol::Line(Stroke::Solid),
        text: format!("{} {}", run.index() + 1, run.name),
    };
    let runs = if runs.len() > 1 { runs.iter().map(named).collect() } else { vec![] };
    Chart::new(words, vec![runs, strokes], wide, plot)
}

fn key(stroke: Stroke, text: &str, runs: &[Run<'_>]) -> Key {
    let colour = (runs.len() == 1).then_some(Colour::Run(0));
    Key { colour, symbol: Symbol::Line(stroke), text: text.to_owned() }
}

/// Returns the run's number, for the end of its line, if there are several runs.
fn number(run: &Run<'_>, runs: &[Run<'_>]) -> Option<String> {
    (runs.len() > 1).then(|| (run.index() + 1).to_string())
}

fn spectrum(runs: &[Run<'_>]) -> Result<Option<Chart>, String> {
    let mut lines = vec![];
    for run in runs {
        let RunReport { response_time, service_time, .. } = run.report;
        let mut add = |times: &crate::report::distribution::Distribution, stroke, label| {
            let histogram = times
                .to_histogram()
                .map_err(|error| format!("read the histogram of {}: {error}", run.name))?;
            let points = spectrum::points(&histogram);
            let colour = Colour::Run(run.index());
            lines.push(Line { points, colour, stroke, stepped: true, label });
            Ok::<(), String>(())
        };
        if let Some(times) = response_time {
            add(service_time, Stroke::Dashed, None)?;
            add(times, Stroke::Solid, number(run, runs))?;
        } else {
            add(service_time, Stroke::Solid, number(run, runs))?;
        }
    }
    let open = runs.iter().any(|run| run.report.response_time.is_some());
    let keys = if open {
        vec![
            key(Stroke::Solid, "response time, from when a message was due", runs),
            key(Stroke::Dashed, "service time, from when a message was ready to be sent", runs),
        ]
    } else {
        vec![]
    };
    let words = (
        "Latency by percentile",
        "The share of messages that came back within this time. Each further nine has the same width.",
    );
    Ok(spectrum::plot(lines).map(|plot| chart(words, runs, keys, WIDE, &plot)))
}

/// A figure of the intervals, and the stroke of its line.
struct Curve {
    value: fn(&Interval) -> Option<f64>,
    stroke: Stroke,
}

const P50: Curve = Curve { value: |it| time(it, it.p50_ns), stroke: Stroke::Solid };
const P99: Curve = Curve { value: |it| time(it, it.p99_ns), stroke: Stroke::Dashed };
const MAX: Curve = Curve { value: |it| time(it, it.max_ns), stroke: Stroke::Dotted };

/// Returns one plot with all three figures for a single run. For several runs, each figure has a plot.
fn latency(runs: &[Run<'_>]) -> Vec<Option<Chart>> {
    let plot = |curves: &[Curve]| {
        let lines = lines(runs, curves);
        let values = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
        let y = Axis::logarithmic(values, ticks::time)?;
        Some(timeline::plot(end(runs), y, lines))
    };
    if let [_] = runs {
        let keys = vec![
            key(P50.stroke, "p50", runs),
            key(P99.stroke, "p99", runs),
            key(MAX.stroke, "max", runs),
        ];
        let words = ("Latency over time", "");
        return vec![plot(&[P50, P99, MAX]).map(|plot| chart(words, runs, keys, WIDE, &plot))];
    }
    let one = |title, curve: Curve| {
        let solid = Curve { stroke: Stroke::Solid, ..curve };
        plot(&[solid]).map(|plot| chart((title, ""), runs, vec![], LOW, &plot))
    };
    vec![
        one("Median latency over time", P50),
        one("99th percentile over time", P99),
        one("Maximum latency over time", MAX),
    ]
}

fn throughput(runs: &[Run<'_>]) -> Option<Chart> {
    let rate =
        |it: &Interval| Some(it.duration_s).filter(|s| *s > 0.0).map(|s| count(it.messages) / s);
    let mut lines = lines(runs, &[Curve { value: rate, stroke: Stroke::Solid }]);
    let asked = runs.iter().filter_map(|run| Some((run.index(), run.report.rate_asked()?)));
    let end = end(runs);
    let asked: Vec<Line> = asked
        .map(|(index, rate)| Line {
            points: vec![(0.0, rate), (end, rate)],
            colour: Colour::Run(index),
            stroke: Stroke::Dashed,
            stepped: false,
            label: None,
        })
        .collect();
    let keys = if asked.is_empty() {
        vec![]
    } else {
        vec![key(Stroke::Solid, "achieved", runs), key(Stroke::Dashed, "asked", runs)]
    };
    lines.extend(asked);
    let y = Axis::linear(greatest(&lines)?, 4.0, ticks::rate);
    let words = ("Throughput over time", "Messages that came back, per second.");
    Some(chart(words, runs, keys, LOW, &timeline::plot(end, y, lines)))
}

/// Returns the plot of the errors, or `None` if there was no error.
fn errors(runs: &[Run<'_>]) -> Option<Chart> {
    let errors = Curve { value: |it| Some(count(it.errors)), stroke: Stroke::Solid };
    let lines = lines(runs, &[errors]);
    let y = Axis::linear(greatest(&lines)?, 4.0, ticks::rate);
    let words = ("Errors over time", "Errors in each interval.");
    Some(chart(words, runs, vec![], LOW, &timeline::plot(end(runs), y, lines)))
}

fn lines(runs: &[Run<'_>], curves: &[Curve]) -> Vec<Line> {
    let mut lines = vec![];
    for run in runs {
        for curve in curves {
            let mut pieces = timeline::pieces(&run.report.intervals, curve.value);
            let last = pieces.pop();
            let line = |points, label| Line {
                points,
                colour: Colour::Run(run.index()),
                stroke: curve.stroke,
                stepped: false,
                label,
            };
            lines.extend(pieces.into_iter().map(|points| line(points, None)));
            lines.extend(last.map(|points| line(points, number(run, runs))));
        }
    }
    lines
}

/// Returns the greatest value, or `None` if no value is above 0.
fn greatest(lines: &[Line]) -> Option<f64> {
    let values = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
    values.reduce(f64::max).filter(|value| *value > 0.0)
}

fn end(runs: &[Run<'_>]) -> f64 {
    let intervals = runs.iter().flat_map(|run| &run.report.intervals);
    intervals.map(|it| it.start_s + it.duration_s).fold(0.0, f64::max)
}

/// Returns the time of an interval, or `None` if no message came back in it.
fn time(interval: &Interval, ns: u64) -> Option<f64> {
    (interval.messages > 0).then(|| count(ns))
}

/// Converts a number, exactly below 2^53.
fn count(count: u64) -> f64 {
    count as f64
}
