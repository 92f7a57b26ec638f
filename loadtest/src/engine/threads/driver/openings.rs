//! Which connections wait to be opened, and at which pace; pure.

use std::collections::VecDeque;

use crate::plan::Plan;

/// The places of connections that wait to be opened, and when the next may be.
#[derive(Debug)]
pub(super) struct Openings {
    places: VecDeque<usize>,
    /// Time between two openings, when there is a limit.
    gap_ns: Option<f64>,
    next_ns: f64,
}

impl Openings {
    /// Returns the openings of a thread that has `count` of the plan's connections. All of them wait.
    pub(super) fn new(plan: &Plan, count: usize) -> Self {
        let share = count as f64 / f64::from(plan.connections);
        let gap_ns = plan.connect_rate.map(|rate| 1e9 / (rate * share));
        Self { places: (0..count).collect(), gap_ns, next_ns: 0.0 }
    }

    pub(super) fn push(&mut self, place: usize) {
        self.places.push_back(place);
    }

    /// Returns when the next connection may be opened; `u64::MAX` if none waits.
    #[expect(clippy::cast_possible_truncation, reason = "the time is below 2^64 for centuries")]
    #[expect(clippy::cast_sign_loss, reason = "the time is positive")]
    pub(super) fn next_ns(&self) -> u64 {
        if self.places.is_empty() { u64::MAX } else { self.next_ns as u64 }
    }

    /// Takes the next connection for which `wants` holds, if one may be opened now. Drops those for
    /// which `wants` does not hold.
    pub(super) fn take(
        &mut self,
        now_ns: u64,
        mut wants: impl FnMut(usize) -> bool,
    ) -> Option<usize> {
        let now_ns = now_ns as f64;
        if self.next_ns > now_ns {
            return None;
        }
        let place = loop {
            let place = self.places.pop_front()?;
            if wants(place) {
                break place;
            }
        };
        if let Some(gap_ns) = self.gap_ns {
            // Openings that were missed are not made up for by a burst.
            self.next_ns = self.next_ns.max(now_ns - gap_ns) + gap_ns;
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Limit;

    const SECOND: u64 = 1_000_000_000;

    fn openings(connect_rate: Option<f64>) -> Openings {
        let target = ([127, 0, 0, 1], 9).into();
        let plan = Plan { connections: 4, connect_rate, ..Plan::new(target, Limit::Count(1)) };
        Openings::new(&plan, 4)
    }

    #[test]
    fn without_a_rate_all_are_opened_at_once() {
        let mut openings = openings(None);
        assert_eq!(openings.next_ns(), 0);
        let opened: Vec<_> = (0..5).map_while(|_| openings.take(0, |_| true)).collect();
        assert_eq!((opened, openings.next_ns()), (vec![0, 1, 2, 3], u64::MAX));
    }

    #[test]
    fn a_rate_is_kept_and_missed_openings_are_not_made_up_for() {
        let mut openings = openings(Some(2.0));
        assert_eq!(openings.take(3 * SECOND, |_| true), Some(0));
        assert_eq!(openings.take(3 * SECOND, |_| true), Some(1));
        assert_eq!(openings.take(3 * SECOND, |_| true), None);
        assert_eq!(openings.next_ns(), 3 * SECOND + SECOND / 2);
    }

    #[test]
    fn a_connection_that_is_over_is_passed_over() {
        let mut openings = openings(Some(1.0));
        assert_eq!(openings.take(0, |place| place > 1), Some(2));
        openings.push(0);
        let opened: Vec<_> = [1, 2].map(|s| openings.take(s * SECOND, |_| true)).into();
        assert_eq!(opened, [Some(3), Some(0)]);
    }
}
