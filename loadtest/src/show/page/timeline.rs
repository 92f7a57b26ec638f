//! Draws the intervals of a run as lines over time.

use super::axis::{Axis, Ticks, ceil_1_2_5};
use super::plot::{Line, Plot};
use super::ticks;
use crate::report::run_report::Interval;

/// Usual steps of a time axis, in seconds.
const STEPS: [f64; 19] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1_800.0, 3_600.0, 7_200.0,
];

/// Maximum number of ticks of a time axis. They fit on the narrowest drawing.
const MAX_TICKS: f64 = 7.0;

/// Maximum number of points of a line. It is larger than the number of pixels.
const MAX_POINTS: usize = 1_000;

/// Returns the value of each interval at its middle. Where `value` is `None`, the line is interrupted,
/// so the result is a list of pieces. A piece of one interval is as long as the interval. A very long
/// piece is thinned to the points that are visible.
pub(super) fn pieces(
    intervals: &[Interval],
    value: impl Fn(&Interval) -> Option<f64>,
) -> Vec<Vec<(f64, f64)>> {
    let shown = |interval| Some((interval, value(interval)?));
    intervals
        .chunk_by(|left, right| value(left).is_some() == value(right).is_some())
        .map(|chunk| chunk.iter().filter_map(shown).collect::<Vec<_>>())
        .filter(|piece| !piece.is_empty())
        .map(|piece| thinned(line(&piece)))
        .collect()
}

fn line(piece: &[(&Interval, f64)]) -> Vec<(f64, f64)> {
    match piece {
        [(it, y)] => vec![(it.start_s, *y), (it.start_s + it.duration_s, *y)],
        _ => piece.iter().map(|(it, y)| (it.start_s + it.duration_s / 2.0, *y)).collect(),
    }
}

/// Keeps the least and the greatest of every few points, so that peaks remain visible.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MAX_POINTS {
        return points;
    }
    let chunks = points.chunks(points.len().div_ceil(MAX_POINTS / 2));
    chunks
        .flat_map(|chunk| {
            let by_value = |left: &&(f64, f64), right: &&(f64, f64)| left.1.total_cmp(&right.1);
            let extremes = [chunk.iter().min_by(by_value), chunk.iter().max_by(by_value)];
            let mut extremes: Vec<(f64, f64)> = extremes.into_iter().flatten().copied().collect();
            extremes.sort_by(|left, right| left.0.total_cmp(&right.0));
            extremes
        })
        .collect()
}

/// Creates a time axis from 0 to `end` seconds.
pub(super) fn axis(end: f64) -> Axis {
    let end = end.max(STEPS[0]);
    let fits = |step: &f64| end / step <= MAX_TICKS;
    let step = STEPS.into_iter().find(fits).unwrap_or_else(|| ceil_1_2_5(end / MAX_TICKS));
    Axis { min: 0.0, max: end, ticks: Ticks::Step(step), label: ticks::seconds }
}

/// Creates the plot of these lines over time.
pub(super) fn plot(end: f64, y: Axis, lines: Vec<Line>) -> Plot {
    Plot { x: axis(end), y, lines, marks: vec![], rules: vec![] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(start_s: f64, messages: u64) -> Interval {
        Interval {
            start_s,
            duration_s: 1.0,
            messages,
            bytes: 0,
            errors: 0,
            p50_ns: messages,
            p99_ns: 0,
            max_ns: 0,
            histogram: String::new(),
        }
    }

    #[test]
    fn a_silent_interval_breaks_the_line() {
        let intervals =
            [(0.0, 1), (1.0, 2), (2.0, 0), (3.0, 4)].map(|(start, count)| interval(start, count));
        let value = |interval: &Interval| match interval.p50_ns {
            0 => None,
            time => Some(f64::from(u32::try_from(time).expect("small"))),
        };
        let pieces = pieces(&intervals, value);
        assert_eq!(pieces, [vec![(0.5, 1.0), (1.5, 2.0)], vec![(3.0, 4.0), (4.0, 4.0)]]);
    }

    #[test]
    fn a_long_line_keeps_what_stands_out() {
        let mut points: Vec<(f64, f64)> =
            (0..86_400_u32).map(|second| (f64::from(second), 100.0)).collect();
        (points[5_000].1, points[5_001].1) = (900.0, 1.0);
        let thinned = thinned(points.clone());
        assert!(thinned.len() <= MAX_POINTS, "{}", thinned.len());
        assert!(thinned.contains(&points[5_000]) && thinned.contains(&points[5_001]));
        assert!(thinned.is_sorted_by(|left, right| left.0 <= right.0));
    }

    #[test]
    fn time_is_counted_as_people_do() {
        for (end, step) in [(0.0, 0.01), (10.0, 2.0), (60.0, 10.0), (300.0, 60.0), (1e5, 20_000.0)]
        {
            assert_eq!(axis(end).ticks, Ticks::Step(step), "{end}");
        }
    }
}
