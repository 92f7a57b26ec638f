//! The throughput-latency curve: messages per second that came back, and how long they took.
//!
//! Each round is a mark. Each rate is a point of the lines: the medians of its rounds that count.

use super::axis::Axis;
use super::chart::{Chart, Key, Symbol, WIDE};
use super::ink::{Colour, Stroke};
use super::plot::{Line, Marks, Place, Plot, Rule};
use super::rounds::Standing;
use super::ticks;
use crate::capacity::curve::{exact, points};
use crate::capacity::{CapacityReport, Round};
use crate::formatting;
use crate::report::objective::Slo;

/// A percentile that every round has.
#[derive(Clone, Copy)]
struct Percentile {
    name: &'static str,
    of: fn(&Round) -> u64,
    /// The stroke of its line, if the marks are not at this percentile.
    stroke: Stroke,
}

impl PartialEq for Percentile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

const P50: Percentile = Percentile { name: "p50", of: |it| it.p50_ns, stroke: Stroke::Dotted };
const P99: Percentile = Percentile { name: "p99", of: |it| it.p99_ns, stroke: Stroke::Dashed };
const P99_9: Percentile =
    Percentile { name: "p99.9", of: |it| it.p99_9_ns, stroke: Stroke::Dashed };

/// Factor between a limit and the ends of the axis, which keeps the limit off the edge.
const AROUND_LIMIT: f64 = 1.2;

const WORDS: (&str, &str) = (
    "Throughput and latency",
    "Horizontal: messages per second that came back. Vertical: how long they took, on a logarithmic scale.",
);

type Points = Vec<(f64, f64)>;

/// Draws the curve. Returns `None` if no message came back in any round.
pub(super) fn chart(report: &CapacityReport) -> Option<Chart> {
    let objectives: Vec<Slo> =
        report.objectives.iter().filter_map(|text| text.parse().ok()).collect();
    let limits: Vec<(&str, f64)> = objectives.iter().filter_map(Slo::latency_limit).collect();
    let judged = judged(&limits);
    let marks = marks(&report.rounds, judged);
    let lines: Vec<Line> =
        shown(judged).into_iter().map(|it| line(&report.rounds, it, judged)).collect();
    let legends = vec![legend_of_marks(&marks, judged), legend_of_lines(judged)];
    let drawn: Points = marks
        .iter()
        .map(|it| &it.points)
        .chain(lines.iter().map(|it| &it.points))
        .flatten()
        .copied()
        .collect();
    let rates = drawn.iter().map(|(x, _)| *x).chain(report.capacity);
    let limited = limits.iter().flat_map(|(_, ns)| [ns / AROUND_LIMIT, ns * AROUND_LIMIT]);
    let times = drawn.iter().map(|(_, y)| *y).chain(limited);
    let most = rates.reduce(f64::max).filter(|most| *most > 0.0)?;
    let x = Axis::linear(most, 5.0, ticks::rate);
    let y = Axis::logarithmic(times, ticks::time).filter(|_| !drawn.is_empty())?;
    let rules = rules(report.capacity, &limits);
    Some(Chart::new(WORDS, legends, WIDE, &Plot { x, y, lines, marks, rules }))
}

/// Returns the percentile that the first objective limits, if every round has it, or else p99.
fn judged(limits: &[(&str, f64)]) -> Percentile {
    let named = |name: &str| [P50, P99, P99_9].into_iter().find(|it| it.name == name);
    limits.iter().find_map(|(name, _)| named(name)).unwrap_or(P99)
}

/// Returns the percentiles that are drawn. The median and the 99th percentile are always among them.
fn shown(judged: Percentile) -> Vec<Percentile> {
    [P50, P99, P99_9].into_iter().filter(|it| *it != P99_9 || *it == judged).collect()
}

/// Returns the line through the medians of each rate's rounds, from the lowest rate.
fn line(rounds: &[Round], percentile: Percentile, judged: Percentile) -> Line {
    let points = points(rounds);
    let medians = points.iter().filter_map(|point| {
        let achieved = point.median(|round| round.rate_achieved)?;
        Some((achieved, point.median(|round| exact((percentile.of)(round)))?))
    });
    Line {
        points: medians.filter(can_be_drawn).collect(),
        colour: Colour::Run(0),
        stroke: stroke(percentile, judged),
        stepped: false,
        label: Some(percentile.name.to_owned()),
    }
}

fn stroke(percentile: Percentile, judged: Percentile) -> Stroke {
    if percentile == judged { Stroke::Solid } else { percentile.stroke }
}

fn marks(rounds: &[Round], judged: Percentile) -> Vec<Marks> {
    let of = |standing| {
        let (colour, mark, _) = Standing::look(standing);
        let of_it = rounds.iter().filter(|round| Standing::of(round) == standing);
        let points = of_it.map(|round| (round.rate_achieved, exact((judged.of)(round))));
        Marks { points: points.filter(can_be_drawn).collect(), colour, mark }
    };
    Standing::ALL.map(of).into_iter().filter(|marks| !marks.points.is_empty()).collect()
}

/// Whether a round can be drawn. A round in which no message came back cannot.
fn can_be_drawn((rate, ns): &(f64, f64)) -> bool {
    *rate >= 0.0 && *ns > 0.0
}

fn rules(capacity: Option<f64>, limits: &[(&str, f64)]) -> Vec<Rule> {
    let limit = |(name, ns): &(&str, f64)| Rule {
        at: Place::Y(*ns),
        colour: Colour::Bad,
        stroke: Stroke::Dashed,
        label: format!("limit of {name}: {}", ticks::time(*ns)),
    };
    let capacity = capacity.map(|rate| Rule {
        at: Place::X(rate),
        colour: Colour::Text,
        stroke: Stroke::Solid,
        label: format!("capacity {}", formatting::per_second(rate)),
    });
    limits.iter().map(limit).chain(capacity).collect()
}

fn legend_of_marks(marks: &[Marks], judged: Percentile) -> Vec<Key> {
    let key = |outcome| {
        let (colour, mark, words) = Standing::look(outcome);
        let is_there = marks.iter().any(|marks| marks.mark == mark);
        let text = format!("{words}, drawn at its {}", judged.name);
        is_there.then_some(Key { colour: Some(colour), symbol: Symbol::Mark(mark), text })
    };
    Standing::ALL.into_iter().filter_map(key).collect()
}

fn legend_of_lines(judged: Percentile) -> Vec<Key> {
    let key = |percentile: Percentile| Key {
        colour: Some(Colour::Run(0)),
        symbol: Symbol::Line(stroke(percentile, judged)),
        text: format!("{} at a rate, the median of its rounds", percentile.name),
    };
    shown(judged).into_iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_of_the_first_objective_is_the_one_that_is_marked() {
        for (limits, wanted, count) in [
            (&[][..], "p99", 2),
            (&[("p95", 1e6)], "p99", 2),
            (&[("p50", 1e6), ("p99", 2e6)], "p50", 2),
            (&[("p99.9", 1e6)], "p99.9", 3),
        ] {
            let judged = judged(limits);
            assert_eq!((judged.name, shown(judged).len()), (wanted, count), "{limits:?}");
        }
    }
}
