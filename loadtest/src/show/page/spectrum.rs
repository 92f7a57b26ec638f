//! The percentile spectrum: how long the slowest messages took. Each further nine of a percentile has
//! the same width.
//!
//! A share `p` of the messages is at `log10(1 / (1 - p))`: 90 % at 1, 99 % at 2, 99.9 % at 3.

use hdrhistogram::Histogram;

use super::axis::{Axis, Ticks};
use super::plot::{Line, Plot};
use super::ticks;

/// Number of parts into which the length of a line is divided. Two points are at least one part apart,
/// or one part of [`PARTS_OF_DECADE`]. Closer points would fall on the same pixel.
const PARTS: f64 = 400.0;

/// Number of parts into which a factor of ten between two times is divided.
const PARTS_OF_DECADE: f64 = 50.0;

/// Position of the end of the line, in messages before the last one. The exact position of the greatest
/// time would be infinitely far away, so it is drawn as if half a message came after it.
const LAST: f64 = 0.5;

/// Returns the plot of these lines, or `None` if none of them has a point.
pub(super) fn plot(lines: Vec<Line>) -> Option<Plot> {
    let values = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
    let y = Axis::logarithmic(values, ticks::time)?;
    let places = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x);
    let max = places.fold(1.0, f64::max);
    let x = Axis { min: 0.0, max, ticks: Ticks::Step(1.0), label: ticks::percentile_of_place };
    Some(Plot { x, y, lines, marks: vec![], rules: vec![] })
}

/// Returns the times of `histogram` as steps. Each point is the position from which its value, in
/// nanoseconds, holds.
pub(super) fn points(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let total = histogram.len();
    let apart = place(float(total) - LAST, total) / PARTS;
    let is_apart = |(x, y): &(f64, f64), point: (f64, f64)| {
        point.0 - x >= apart || (point.1 / y).log10() * PARTS_OF_DECADE >= 1.0
    };
    let mut points: Vec<(f64, f64)> = vec![];
    let mut before = 0;
    for step in histogram.iter_recorded() {
        let point = (place(float(before), total), float(step.value_iterated_to()));
        let is_last = before + step.count_since_last_iteration() == total;
        if is_last || points.last().is_none_or(|last| is_apart(last, point)) {
            points.push(point);
        }
        before += step.count_since_last_iteration();
    }
    points.extend(points.last().map(|(_, y)| (place(float(total) - LAST, total), *y)));
    points
}

fn place(before: f64, total: u64) -> f64 {
    -(1.0 - before / float(total)).log10()
}

/// Converts a number, exactly below 2^53.
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::distribution::histogram;

    /// Returns the value that the steps show at a position.
    fn shown_at(points: &[(f64, f64)], place: f64) -> f64 {
        points.iter().rev().find(|(x, _)| *x < place).expect("the first is at 0").1
    }

    #[test]
    fn steps_show_the_percentiles_of_the_histogram() {
        let mut times = histogram();
        for time in 1..=100_000 {
            times.record(time * time).expect("within bounds");
        }
        let points = points(&times);
        assert!(points.len() < 1_000, "{}", points.len());
        for nines in 1..=4_i32 {
            let exact = float(times.value_at_quantile(1.0 - 0.1_f64.powi(nines)));
            let shown = shown_at(&points, f64::from(nines));
            assert!((shown / exact - 1.0).abs() < 0.01, "{nines}: {shown}, {exact}");
        }
        assert_eq!(shown_at(&points, 6.0), float(times.max()));
    }

    #[test]
    fn a_rare_stall_is_a_step_at_its_exact_place() {
        let mut times = histogram();
        times.record_n(1_000, 999).expect("within bounds");
        times.record(1_000_000).expect("within bounds");
        let points = points(&times);
        let [(start, fast), (stall, slow), (end, _)] = points[..] else {
            panic!("three points: {points:?}");
        };
        assert_eq!((start, fast), (0.0, 1_000.0));
        assert!((stall - 3.0).abs() < 1e-9 && slow >= 1_000_000.0, "{stall} {slow}");
        assert!((end - 2_000_f64.log10()).abs() < 1e-9, "{end}");
    }

    #[test]
    fn no_times_no_line_no_plot() {
        assert!(points(&histogram()).is_empty());
        assert!(plot(vec![]).is_none());
    }
}
