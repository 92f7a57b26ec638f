//! When a connection that failed is opened again, and when there is no hope left; pure.

use super::orders::Orders;
use crate::plan::Limit;

/// The first pause before a connection that failed is opened again. The pause doubles with each failure.
const FIRST_PAUSE_NS: u64 = 50_000_000;
const MAX_PAUSE_NS: u64 = 1_000_000_000;

/// What a failure says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection could be made; the attempt began at this time.
    Unreachable(u64),
    /// Messages were in flight, and are lost.
    Unanswered,
    /// Nothing was in flight.
    Idle,
}

/// The failures of one connection since it last succeeded.
#[derive(Debug)]
pub(crate) struct Retries {
    /// Since when no connection can be made.
    unreachable_since_ns: Option<u64>,
    /// Since when messages have been lost and none has come back.
    unanswered_since_ns: Option<u64>,
    /// Since when the connection is missing, because its predecessor failed.
    missing_since_ns: Option<u64>,
    pause_ns: u64,
    /// The connection is not opened before this time.
    closed_until_ns: u64,
}

impl Retries {
    /// Returns the state of a connection that has not failed.
    pub(crate) fn new() -> Self {
        Self {
            unreachable_since_ns: None,
            unanswered_since_ns: None,
            missing_since_ns: None,
            pause_ns: FIRST_PAUSE_NS,
            closed_until_ns: 0,
        }
    }

    /// Returns the time before which the connection is not opened.
    pub(crate) fn closed_until_ns(&self) -> u64 {
        self.closed_until_ns
    }

    /// Notes that a connection was made.
    pub(crate) fn connected(&mut self) {
        self.unreachable_since_ns = None;
    }

    /// Notes that bytes came.
    #[inline]
    pub(crate) fn received(&mut self) {
        self.pause_ns = FIRST_PAUSE_NS;
    }

    /// Notes that a message is back.
    #[inline]
    pub(crate) fn answered(&mut self) {
        self.unanswered_since_ns = None;
    }

    /// Notes that the connection failed, and that its successor has to wait.
    pub(crate) fn failed(&mut self, failure: Failure, now_ns: u64) {
        match failure {
            Failure::Unreachable(since_ns) => {
                self.unreachable_since_ns.get_or_insert(since_ns);
            }
            Failure::Unanswered => {
                self.unanswered_since_ns.get_or_insert(now_ns);
            }
            Failure::Idle => {}
        }
        self.missing_since_ns.get_or_insert(now_ns);
        self.closed_until_ns = now_ns + self.pause_ns;
        self.pause_ns = (2 * self.pause_ns).min(MAX_PAUSE_NS);
    }

    /// Returns since when the connection has been missing, and forgets it.
    pub(crate) fn take_missing_since_ns(&mut self) -> Option<u64> {
        self.missing_since_ns.take()
    }

    /// Returns whether the server has been gone, or mute, for longer than the timeout. Only a run that
    /// counts messages needs this, because no other end would come. Asked right after a failure: how
    /// long a connection waits for its next attempt says nothing about the server.
    pub(crate) fn is_hopeless(&self, now_ns: u64, orders: &Orders<'_>) -> bool {
        let Limit::Count(_) = orders.plan.limit else { return false };
        let since_ns = [self.unreachable_since_ns, self.unanswered_since_ns];
        since_ns.into_iter().flatten().any(|since_ns| orders.has_timed_out(since_ns, now_ns))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::protocol::content::Content;
    use crate::plan::{Plan, Sizes};

    const SECOND: u64 = 1_000_000_000;

    fn with_orders(limit: Limit, act: impl FnOnce(&Orders<'_>)) {
        let plan = Plan {
            timeout: Duration::from_secs(10),
            ..Plan::new(([127, 0, 0, 1], 9).into(), limit)
        };
        act(&Orders::new(&plan, &Content::new(0, &Sizes::Range(1, 1))));
    }

    #[test]
    fn pauses_double_up_to_a_second_and_are_short_again_when_bytes_come() {
        let mut retries = Retries::new();
        let pause = |retries: &mut Retries| {
            retries.failed(Failure::Idle, SECOND);
            (retries.closed_until_ns() - SECOND) / 1_000_000
        };
        let pauses: Vec<_> = (0..7).map(|_| pause(&mut retries)).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_000, 1_000]);
        retries.received();
        assert_eq!(pause(&mut retries), 50);
    }

    #[test]
    fn a_server_that_is_gone_or_mute_ends_only_a_run_that_counts_messages() {
        for failure in [Failure::Unreachable(SECOND), Failure::Unanswered, Failure::Idle] {
            let mut retries = Retries::new();
            retries.failed(failure, SECOND);
            with_orders(Limit::Count(1), |orders| {
                assert!(!retries.is_hopeless(11 * SECOND - 1, orders), "{failure:?}");
                let is_hopeless = retries.is_hopeless(11 * SECOND, orders);
                assert_eq!(is_hopeless, failure != Failure::Idle, "{failure:?}");
            });
            with_orders(Limit::Duration(Duration::MAX), |orders| {
                assert!(!retries.is_hopeless(u64::MAX, orders), "{failure:?}");
            });
        }
    }

    #[test]
    fn hope_counts_from_the_first_failure_and_returns_with_a_success() {
        with_orders(Limit::Count(1), |orders| {
            let mut retries = Retries::new();
            retries.failed(Failure::Unreachable(SECOND), 2 * SECOND);
            retries.failed(Failure::Unreachable(9 * SECOND), 10 * SECOND);
            assert!(retries.is_hopeless(11 * SECOND, orders));
            retries.connected();
            retries.failed(Failure::Unanswered, 11 * SECOND);
            assert!(!retries.is_hopeless(12 * SECOND, orders));
            assert!(retries.is_hopeless(21 * SECOND, orders));
            retries.answered();
            assert!(!retries.is_hopeless(21 * SECOND, orders));
        });
    }

    #[test]
    fn a_connection_is_missing_from_its_first_failure_until_it_is_asked() {
        let mut retries = Retries::new();
        assert_eq!(retries.take_missing_since_ns(), None);
        retries.failed(Failure::Idle, 5);
        retries.failed(Failure::Idle, 9);
        assert_eq!(retries.take_missing_since_ns(), Some(5));
        assert_eq!(retries.take_missing_since_ns(), None);
    }
}
