//! Where an axis begins and ends, and where its ticks are: at numbers that people count in.

/// What an axis shows.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) ticks: Ticks,
    /// What is written at a tick.
    pub(super) label: fn(f64) -> String,
}

/// Where an axis has its ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ticks {
    /// Every so much.
    Step(f64),
    /// At powers of ten and, where there are few of those, at 2 and 5 times them; the axis is
    /// logarithmic and begins above 0.
    Logarithmic,
}

impl Axis {
    /// From 0 to at least `max`, with about `ticks` ticks at round numbers.
    pub(super) fn linear(max: f64, ticks: f64, label: fn(f64) -> String) -> Self {
        let step = ceil_1_2_5(max.max(f64::MIN_POSITIVE) / ticks);
        // What is greatest is not drawn on the edge.
        let max = (1.04 * max / step).ceil() * step;
        Self { min: 0.0, max, ticks: Ticks::Step(step), label }
    }

    /// From about the least of `values` to about the greatest; those that are not above 0 have no
    /// place here.
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

/// The least of 1, 2 and 5 times a power of ten that is not less.
pub(super) fn ceil_1_2_5(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let fits = |factor: &f64| factor * power >= value * (1.0 - 1e-9);
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// The greatest of 1, 2 and 5 times a power of ten that is not more.
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
