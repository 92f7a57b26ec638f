//! Conversions of time between its units.

use std::time::Duration;

/// Converts to nanoseconds. A duration that is too long becomes the longest one.
#[inline]
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Converts nanoseconds to seconds, for people and for reports.
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
