//! What the connections of a thread share while they are driven, one at a time.

use super::clock::{Clock, nanoseconds};
use super::content::Content;
use super::recorder::Recorder;
use super::stamps::Stamps;
use crate::plan::Plan;

/// A thread's buffers, one for each direction, shared by all its connections.
const BUFFER_LEN: usize = 256 * 1024;

/// See the module.
pub(crate) struct ThreadContext<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) content: &'a Content,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder<'a>,
    pub(crate) buffer: Box<[u8]>,
    pub(crate) out: Box<[u8]>,
    /// When they are asked for.
    pub(crate) stamps: Option<Stamps>,
    pub(crate) timeout_ns: u64,
    /// When the load began.
    pub(crate) start_ns: Option<u64>,
    /// Nothing that is due from then on is sent.
    pub(crate) end_ns: u64,
    /// Messages that may still be sent.
    pub(crate) quota: u64,
    /// Nothing more is sent.
    pub(crate) is_stopped: bool,
    /// Connections that are open.
    pub(crate) open: u64,
}

impl<'a> ThreadContext<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        content: &'a Content,
        clock: Clock,
        recorder: Recorder<'a>,
    ) -> Self {
        let buffer = || vec![0; BUFFER_LEN].into_boxed_slice();
        Self {
            plan,
            content,
            clock,
            recorder,
            buffer: buffer(),
            out: buffer(),
            stamps: plan.kernel_timestamps.then(Stamps::new),
            timeout_ns: nanoseconds(plan.timeout),
            start_ns: None,
            end_ns: u64::MAX,
            quota: u64::MAX,
            is_stopped: false,
            open: 0,
        }
    }

    /// Whether no more messages are sent.
    pub(crate) fn is_over(&self, now_ns: u64) -> bool {
        self.is_stopped || now_ns >= self.end_ns || (self.quota == 0 && self.start_ns.is_some())
    }

    /// A connection was made. Connections that are kept are made before anything is measured, and
    /// count all the same.
    pub(crate) fn connected(&mut self, since_ns: u64, now_ns: u64) {
        let is_kept = self.plan.messages_per_connection.is_none();
        if is_kept || self.recorder.window.contains(since_ns) {
            self.recorder.connected(now_ns - since_ns);
        }
        self.recorder.opened += 1;
        self.open += 1;
    }
}
