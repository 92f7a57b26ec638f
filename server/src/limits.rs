//! The sizes by which a worker divides its time among its connections.
//!
//! They are a value that the caller passes. The simulation passes smaller ones, so that a short run
//! reaches each of them.

use crate::config::Config;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Length of a worker's read buffer, which all its connections share. A shorter one would cost more
    /// calls, and would cut more lines in two, which have to be copied.
    pub(crate) read_buffer_len: usize,
    /// A turn that moves at least this many bytes, counting both directions, makes the connection a
    /// bulk connection.
    pub(crate) long_turn_len: u64,
    /// Number of bytes that the bulk connections of a worker may move together, counting both
    /// directions, before the worker polls again. The turn that exceeds it is not cut short.
    pub(crate) bulk_share: u64,
    /// Maximum number of connections adopted in one turn.
    pub(crate) max_mail: usize,
}

impl Limits {
    /// The limits of a server that runs on the system.
    pub(crate) const SHIPPED: Self = Self {
        read_buffer_len: Config::MAX_READ_LEN,
        long_turn_len: 32 * 1024,
        bulk_share: 256 * 1024,
        max_mail: 256,
    };
}
