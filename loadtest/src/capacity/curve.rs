//! The throughput-latency curve: the rounds of a search, grouped by rate. Does not depend on how the
//! curve is shown.

use super::report::Round;

/// All rounds of one rate.
pub(crate) struct Point<'a> {
    /// The requested rate.
    pub(crate) rate: f64,
    /// The rounds in order. There is at least one.
    pub(crate) rounds: Vec<&'a Round>,
}

/// Groups rounds by rate, from the lowest rate.
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
    /// Returns the median of a figure over the rounds that count. Of two values in the middle it is the
    /// greater.
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
