//! The state that all connections of one worker use, one at a time.

use super::spill::Pool;
use crate::echo::Echo;
use crate::limits::Limits;
use crate::seams::journal::Journal;
use crate::stats::Stats;

pub(crate) struct WorkerContext<J> {
    /// When this turn began, in milliseconds since the server started.
    pub(crate) now_ms: u64,
    /// Number of bytes moved so far, counting both directions. Discarded bytes count too.
    pub(crate) moved: u64,
    pub(crate) limits: Limits,
    pub(crate) journal: J,
    pub(crate) stats: Stats,
    pub(super) echo: Echo,
    /// Every read goes here first.
    pub(super) buffer: Box<[u8]>,
    pub(super) pool: Pool,
}

impl<J: Journal> WorkerContext<J> {
    pub(crate) fn new(echo: Echo, limits: Limits, journal: J) -> Self {
        Self {
            now_ms: 0,
            moved: 0,
            limits,
            journal,
            stats: Stats::default(),
            echo,
            buffer: vec![0; limits.read_buffer_len].into_boxed_slice(),
            pool: Pool::default(),
        }
    }

    /// Asserts the invariants of the pool.
    pub(crate) fn invariants(&self) {
        self.pool.invariants();
    }

    /// Returns the maximum number of bytes that one connection holds: one line and one read.
    pub(super) fn max_spill_len(&self) -> usize {
        self.echo.max_line_length().saturating_add(self.buffer.len())
    }
}
