//! What the connections of a thread share while they are driven, one at a time.

use super::protocol::orders::Orders;
use super::protocol::recorder::Recorder;
use super::system::clock::Clock;

/// Size of each of a thread's two buffers, one for each direction.
const BUFFER_LEN: usize = 256 * 1024;

/// A thread's orders, its record, and what it needs to move bytes.
pub(crate) struct ThreadContext<'a> {
    pub(crate) orders: Orders<'a>,
    pub(crate) recorder: Recorder<'a>,
    pub(crate) clock: Clock,
    /// For bytes that were received.
    pub(crate) buffer: Box<[u8]>,
    /// For bytes that are to be sent.
    pub(crate) out: Box<[u8]>,
    /// How many connections are open.
    pub(crate) open: u64,
}

impl<'a> ThreadContext<'a> {
    pub(crate) fn new(orders: Orders<'a>, clock: Clock, recorder: Recorder<'a>) -> Self {
        let buffer = || vec![0; BUFFER_LEN].into_boxed_slice();
        Self { orders, recorder, clock, buffer: buffer(), out: buffer(), open: 0 }
    }

    /// Notes a connection that was made. Connections that are kept are made before anything is
    /// measured, and their times count nevertheless.
    pub(crate) fn connected(&mut self, since_ns: u64, now_ns: u64) {
        let is_kept = self.orders.plan.messages_per_connection.is_none();
        if is_kept || self.recorder.window.contains(since_ns) {
            self.recorder.connected(now_ns - since_ns);
        }
        self.recorder.opened += 1;
        self.open += 1;
    }
}
