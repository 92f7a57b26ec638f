//! Writes the replies to standard output. This module knows nothing of clients.

use std::io::{self, Write};

/// What the program does with the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Writes them to standard output, byte for byte.
    Print,
    /// Does not write them. The client verifies them as always.
    Quiet,
}

impl Output {
    /// Writes one reply, given in two parts, and flushes. Replies of several threads do not mix. Never
    /// panics.
    ///
    /// # Errors
    /// The error of writing or flushing.
    pub(crate) fn reply(self, start: &[u8], rest: &[u8]) -> io::Result<()> {
        match self {
            Self::Quiet => Ok(()),
            Self::Print if start.is_empty() && rest.is_empty() => Ok(()),
            Self::Print => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(start)?;
                stdout.write_all(rest)?;
                stdout.flush()
            }
        }
    }
}
