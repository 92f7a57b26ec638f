//! When the messages of one connection are due in an open loop; pure.
//!
//! Each connection has a schedule of its own. The schedule says what is due on a connection that has to
//! wait, so due messages need not be kept. All schedules together make the rate that was asked for,
//! those of other generators that share the load included.

use fastrand::Rng;

use super::content::mix;
use crate::plan::{Arrival, Plan};

/// Maximum number of unsent bursts of one connection that are counted by drawing their times. More
/// bursts are counted by the average, which is as good, and drawing them would hold up the end of the
/// run.
const MAX_DRAWN: u64 = 10_000;

/// The schedule of one connection. Its times are in nanoseconds since the load began.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    due_ns: f64,
    /// Time between two bursts, on average.
    gap_ns: f64,
    /// Draws the gaps, if they are random.
    random: Option<Rng>,
}

impl Arrivals {
    /// Returns the schedule of a connection, or `None` in a closed loop.
    pub(crate) fn new(plan: &Plan, connection: u64) -> Option<Self> {
        let (rate, is_random) = match plan.arrival {
            Arrival::Closed => return None,
            Arrival::Constant(rate) => (rate, false),
            Arrival::Poisson(rate) => (rate, true),
        };
        let between_all_ns = 1e9 * f64::from(plan.send_burst) / rate;
        let gap_ns = between_all_ns * f64::from(plan.connections);
        let random = is_random.then(|| Rng::with_seed(mix(plan.seed ^ mix(!connection))));
        let mut arrivals = Self { due_ns: between_all_ns * connection as f64, gap_ns, random };
        if is_random {
            arrivals.due_ns = 0.0;
            arrivals.advance();
        }
        Some(arrivals)
    }

    /// Returns when the next burst is due.
    #[expect(clippy::cast_possible_truncation, reason = "the time is below 2^64 for centuries")]
    #[expect(clippy::cast_sign_loss, reason = "the time is positive")]
    pub(crate) fn due_ns(&self) -> u64 {
        self.due_ns as u64
    }

    /// Goes on to the burst after the next one.
    pub(crate) fn advance(&mut self) {
        self.due_ns += match &mut self.random {
            None => self.gap_ns,
            // The argument of the logarithm is never zero.
            Some(random) => -self.gap_ns * (1.0 - random.f64()).ln(),
        };
    }

    /// Returns how many unsent bursts are due from `from_ns` up to but not including `end_ns`.
    pub(crate) fn count_within(mut self, from_ns: u64, end_ns: u64) -> u64 {
        if self.random.is_some() && self.count_before(end_ns) <= MAX_DRAWN {
            let mut count = 0;
            while self.due_ns() < end_ns {
                count += u64::from(self.due_ns() >= from_ns);
                self.advance();
            }
            return count;
        }
        self.count_before(end_ns) - self.count_before(from_ns.min(end_ns))
    }

    /// Returns how many unsent bursts are due before `end_ns`. For random gaps that is an average.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    #[expect(clippy::cast_sign_loss, reason = "a negative number of bursts is none")]
    fn count_before(&self, end_ns: u64) -> u64 {
        ((end_ns as f64 - self.due_ns) / self.gap_ns).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::Limit;

    fn plan(arrival: Arrival, connections: u32, send_burst: u32) -> Plan {
        let limit = Limit::Duration(Duration::from_secs(1));
        Plan { arrival, connections, send_burst, ..Plan::new(([127, 0, 0, 1], 9000).into(), limit) }
    }

    /// Returns when the bursts of all connections before `end_ns` are due.
    fn all_due(plan: &Plan, end_ns: u64) -> Vec<u64> {
        let mut all = vec![];
        for connection in 0..plan.connections.into() {
            let mut arrivals = Arrivals::new(plan, connection).expect("an open loop");
            while arrivals.due_ns() < end_ns {
                all.push(arrivals.due_ns());
                arrivals.advance();
            }
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn a_closed_loop_has_no_schedule() {
        assert!(Arrivals::new(&plan(Arrival::Closed, 1, 1), 0).is_none());
    }

    #[test]
    fn all_connections_together_keep_a_constant_rate() {
        let due = all_due(&plan(Arrival::Constant(1000.0), 7, 1), 1_000_000_000);
        assert_eq!(due, (0..1000).map(|number| number * 1_000_000).collect::<Vec<_>>());
    }

    #[test]
    fn bursts_keep_the_rate() {
        let due = all_due(&plan(Arrival::Constant(1000.0), 7, 10), 1_000_000_000);
        assert_eq!(due, (0..100).map(|number| number * 10_000_000).collect::<Vec<_>>());
    }

    #[test]
    fn chance_keeps_the_rate_and_spreads_the_gaps_exponentially() {
        let due = all_due(&plan(Arrival::Poisson(10_000.0), 5, 1), 100_000_000_000);
        let count = due.len() as f64;
        assert!((count - 1e6).abs() < 5.0 * 1e3, "{count} in 100 seconds");
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let longer = gaps.iter().filter(|&&gap| gap > 100_000.0).count() as f64 / count;
        assert!((longer - (-1.0_f64).exp()).abs() < 0.01, "{longer} longer than the mean");
    }

    #[test]
    fn connections_have_chances_of_their_own() {
        let plan = plan(Arrival::Poisson(10.0), 2, 1);
        let [one, other] = [0, 1].map(|number| Arrivals::new(&plan, number).expect("open"));
        assert_ne!(one.due_ns(), other.due_ns());
    }

    #[test]
    fn what_was_not_sent_is_counted() {
        let plan = plan(Arrival::Constant(1000.0), 1, 1);
        let arrivals = Arrivals::new(&plan, 0).expect("an open loop");
        assert_eq!(arrivals.clone().count_within(0, 10_000_000), 10);
        assert_eq!(arrivals.clone().count_within(4_000_000, 10_000_000), 6);
        assert_eq!(arrivals.clone().count_within(10_000_000, 10_000_000), 0);
        assert_eq!(arrivals.count_within(20_000_000, 10_000_000), 0);
    }

    /// Counting these bursts one by one would take minutes.
    #[test]
    fn far_too_much_that_was_not_sent_is_counted_at_once() {
        let hour_ns = 3_600_000_000_000;
        let count = |arrival| {
            let arrivals = Arrivals::new(&plan(arrival, 1, 1), 0).expect("an open loop");
            arrivals.count_within(hour_ns / 2, hour_ns) as f64
        };
        assert_eq!(count(Arrival::Constant(1e9)), 1.8e12);
        assert!((count(Arrival::Poisson(1e9)) / 1.8e12 - 1.0).abs() < 1e-6);
    }
}
