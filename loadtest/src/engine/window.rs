//! Which part of a run is measured; pure.

/// From its start up to, not including, its end, in the run's nanoseconds. Nothing until both are
/// known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Window {
    #[inline]
    pub(crate) fn contains(&self, at_ns: u64) -> bool {
        self.start_ns <= at_ns && at_ns < self.end_ns
    }
}
