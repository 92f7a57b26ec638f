//! The throughput-latency curve: the rounds of a search by their rate. Knows no way to show it.

use super::report::Round;

/// All rounds of a rate.
pub(crate) struct Point<'a> {
    /// The rate that was asked for.
    pub(crate) rate: f64,
    /// At least one round, in order.
    pub(crate) rounds: Vec<&'a Round>,
}

/// Returns the rounds by their rate, from the lowest.
pub(crate) fn points(rounds: &[Round]) -> Vec<Point<'_>> {
    let mut points: Vec<Point<'_>> = vec![];
    for round in rounds {
        let place = points.partition_point(|point| point.rate < round.rate_asked);
        match points.get_mut(place) {
            Some(point) if point.rate <= round.rate_asked => point.rounds.push(round),
            Some(_) | None => {
                points.insert(place, Point { rate: round.rate_asked, rounds: vec![round] });
            }
        }
    }
    points
}

impl Point<'_> {
    /// Returns the median over the rounds that count. Of two values in the middle it is the greater.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> f64) -> Option<f64> {
        let used = self.rounds.iter().filter(|round| round.used);
        let mut values: Vec<f64> = used.map(|round| of(round)).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
}

/// Converts a time in nanoseconds.
pub(crate) fn exact(ns: u64) -> f64 {
    ns as f64
}
