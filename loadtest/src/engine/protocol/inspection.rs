//! A last look at a connection on which wrong bytes came: what follows them tells what is wrong. Pure.

use super::content::Content;
use super::exchange::Wrong;

/// Maximum time for which further bytes are read.
const MAX_INSPECTION_NS: u64 = 200_000_000;

/// Maximum number of further bytes, as a multiple of the longest line.
const MAX_INSPECTION_LINES: usize = 3;

/// Wrong bytes, and what has followed them.
#[derive(Debug)]
pub(crate) struct Inspection {
    wrong: Wrong,
    until_ns: u64,
}

impl Inspection {
    pub(crate) fn new(wrong: Wrong, now_ns: u64) -> Self {
        Self { wrong, until_ns: now_ns + MAX_INSPECTION_NS }
    }

    pub(crate) fn wrong(&self) -> &Wrong {
        &self.wrong
    }

    /// Returns when to stop reading, however little has come.
    pub(crate) fn until_ns(&self) -> u64 {
        self.until_ns
    }

    /// Adds bytes that came.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.wrong.bytes_mut().extend_from_slice(bytes);
    }

    /// Returns whether enough bytes have come to describe the fault.
    pub(crate) fn has_enough(&self, content: &Content) -> bool {
        self.wrong.bytes().len() >= MAX_INSPECTION_LINES * content.max_len()
    }

    /// Returns whether to stop reading.
    pub(crate) fn is_over(&self, now_ns: u64, content: &Content) -> bool {
        now_ns >= self.until_ns || self.has_enough(content)
    }
}
