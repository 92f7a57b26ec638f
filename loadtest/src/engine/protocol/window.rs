//! When a load begins, and which part of it is measured; pure.

use std::time::SystemTime;

use crate::engine::units::nanoseconds;
use crate::plan::{Limit, Plan};

/// When a load begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// On the run's clock.
    pub(crate) at_ns: u64,
    /// On the calendar.
    pub(crate) time: SystemTime,
}

/// Whether a run reached its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// The run reached its end.
    Full,
    /// The run was stopped before its end.
    Interrupted,
}

/// A period on the run's clock, from its start up to but not including its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Window {
    /// The window while the real one is not known: it contains no time.
    pub(crate) const UNKNOWN: Self = Self { start_ns: u64::MAX, end_ns: u64::MAX };

    /// Returns the measured part of a load that begins at this time.
    pub(crate) fn of(plan: &Plan, start_ns: u64) -> Self {
        let start_ns = start_ns.saturating_add(nanoseconds(plan.warmup));
        let end_ns = match plan.limit {
            Limit::Duration(duration) => start_ns.saturating_add(nanoseconds(duration)),
            Limit::Count(_) => u64::MAX,
        };
        Self { start_ns, end_ns }
    }

    #[inline]
    pub(crate) fn contains(&self, at_ns: u64) -> bool {
        self.start_ns <= at_ns && at_ns < self.end_ns
    }
}
