//! What a thread has been told to do, as far as a connection has to know it; pure.

use super::content::Content;
use crate::engine::units::nanoseconds;
use crate::plan::Plan;

/// A thread's orders. All its connections share them.
pub(crate) struct Orders<'a> {
    pub(crate) plan: &'a Plan,
    /// The lines that the connections send.
    pub(crate) content: &'a Content,
    pub(crate) timeout_ns: u64,
    /// When the load begins, once that is known.
    pub(crate) start_ns: Option<u64>,
    /// Messages that are due at this time or later are not sent.
    pub(crate) end_ns: u64,
    /// Number of messages of the measured part that may still be sent.
    pub(crate) quota: u64,
    /// The run was given up: nothing more is sent.
    pub(crate) is_stopped: bool,
}

impl<'a> Orders<'a> {
    /// Returns the orders of a thread that does not know yet when the load begins and ends.
    pub(crate) fn new(plan: &'a Plan, content: &'a Content) -> Self {
        Self {
            plan,
            content,
            timeout_ns: nanoseconds(plan.timeout),
            start_ns: None,
            end_ns: u64::MAX,
            quota: u64::MAX,
            is_stopped: false,
        }
    }

    /// Returns whether no more messages become due.
    pub(crate) fn is_over(&self, now_ns: u64) -> bool {
        self.is_stopped || now_ns >= self.end_ns || (self.quota == 0 && self.start_ns.is_some())
    }

    /// Returns whether something that began at `since_ns` has taken longer than the timeout.
    pub(crate) fn has_timed_out(&self, since_ns: u64, now_ns: u64) -> bool {
        now_ns >= since_ns.saturating_add(self.timeout_ns)
    }
}
