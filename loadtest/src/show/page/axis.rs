//! The ends of an axis and its ticks, which are at round numbers.

/// An axis of a plot.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) ticks: Ticks,
    /// Returns the text at a tick.
    pub(super) label: fn(f64) -> String,
}

/// The positions of the ticks of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ticks {
    /// At all multiples of this step.
    Step(f64),
    /// At powers of ten, and also at 2 and 5 times these if there are few. The axis is logarithmic and
    /// begins above 0.
    Logarithmic,
}

impl Axis {
    /// Creates an axis from 0 to at least `max`, with about `ticks` ticks at round numbers.
    pub(super) fn linear(max: f64, ticks: f64, label: fn(f64) -> String) -> Self {
        let step = ceil_1_2_5(max.max(f64::MIN_POSITIVE) / ticks);
        // Keeps the greatest value off the edge.
        let max = (1.04 * max / step).ceil() * step;
        Self { min: 0.0, max, ticks: Ticks::Step(step), label }
    }

    /// Creates a logarithmic axis from about the least to about the greatest of `values`. Ignores values
    /// that are not above 0.
    pub(super) fn logarithmic(
        values: impl Iterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        let (min, max) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(min, max), value| (min.min(value), max.max(value)));
        (max > 0.0).then(|| {
            let (min, max) = (floor_1_2_5(min), ceil_1_2_5(max));
            let max = if max > min { max } else { 2.0 * min };
            Self { min, max, ticks: Ticks::Logarithmic, label }
        })
    }
}

/// Rounds up to 1, 2 or 5 times a power of ten.
pub(super) fn ceil_1_2_5(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let fits = |factor: &f64| factor * power >= value * (1.0 - 1e-9);
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// Rounds down to 1, 2 or 5 times a power of ten.
fn floor_1_2_5(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let fits = |factor: &f64| factor * power <= value * (1.0 + 1e-9);
    [5.0, 2.0].into_iter().find(fits).unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_around_the_values() {
        let label = |value: f64| value.to_string();
        for (max, wanted, step) in [(10.0, 12.0, 2.0), (10.1, 15.0, 5.0), (0.07, 0.08, 0.02)] {
            let axis = Axis::linear(max, 5.0, label);
            assert!((axis.max - wanted).abs() < 1e-9, "{max}: {}", axis.max);
            assert_eq!(axis.ticks, Ticks::Step(step));
        }
        for (value, min, max) in [(1.0, 1.0, 2.0), (3.0, 2.0, 5.0), (999.0, 500.0, 1_000.0)] {
            let axis = Axis::logarithmic([0.0, value].into_iter(), label).expect("a value above 0");
            assert!((axis.min - min).abs() < 1e-9 && (axis.max - max).abs() < 1e-9, "{axis:?}");
        }
        assert!(Axis::logarithmic([0.0].into_iter(), label).is_none());
    }
}
