//! The figure of one side: the mean of its rounds and their spread.

use echo_loadtest::statistics::geometric_mean;

use super::metric;

/// The mean of one side's rounds, and how far the rounds are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    /// The geometric mean of the rounds. It is 0 if one of them is 0.
    pub(crate) mean: f64,
    /// The standard deviation of the rounds divided by their mean. `None` for a single round, and if the
    /// mean is 0.
    pub(crate) spread: Option<f64>,
}

impl Figure {
    /// Returns the figure of these rounds, or `None` if there are none.
    pub(crate) fn new(rounds: &[f64]) -> Option<Self> {
        let mean = (!rounds.is_empty()).then(|| geometric_mean(rounds))?;
        let spread = (rounds.len() > 1 && mean > 0.0).then(|| deviation(rounds));
        Some(Self { mean, spread })
    }

    /// Returns the text for a table cell: `5.53 µs ±2 %`.
    pub(crate) fn show(self, name: &str) -> String {
        let value = metric::show(name, self.mean);
        let percent = self.spread.map(|spread| spread * 1e2);
        match percent {
            None => value,
            Some(percent) if percent < 0.95 => format!("{value} ±{percent:.1} %"),
            Some(percent) => format!("{value} ±{percent:.0} %"),
        }
    }
}

/// Returns the standard deviation of a sample divided by its mean.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0)).sqrt() / mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rounds: &[f64], shown: &str) {
        assert_eq!(Figure::new(rounds).unwrap().show("cpu"), shown);
    }

    /// The sample 2, 4, 4, 4, 5, 5, 7, 9 has the mean 5, and its squared deviations add up to 32.
    #[test]
    fn the_spread_is_the_relative_standard_deviation() {
        let figure = Figure::new(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        let expected = (32.0_f64 / 7.0).sqrt() / 5.0;
        assert!((figure.spread.unwrap() - expected).abs() < 1e-12, "{figure:?}");
    }

    #[test]
    fn a_figure_is_shown_with_its_spread() {
        check(&[5_000.0, 5_100.0, 4_900.0], "5.00 µs ±2 %");
        check(&[5_000.0, 5_010.0, 4_990.0], "5.00 µs ±0.2 %");
        check(&[88.0, 88.0], "88.0 ns ±0.0 %");
    }

    #[test]
    fn a_single_round_and_a_zero_have_no_spread() {
        check(&[5_000.0], "5.00 µs");
        assert_eq!(Figure::new(&[0.0, 8.0]), Some(Figure { mean: 0.0, spread: None }));
        assert_eq!(Figure::new(&[]), None);
    }
}
