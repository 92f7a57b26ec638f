//! The replies, on standard output. Knows nothing of clients.

use std::io::{self, Write};

/// What becomes of the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// They go to standard output, byte for byte.
    Print,
    /// They are verified, and not printed.
    Quiet,
}

impl Output {
    /// Writes one reply, given in two parts, and flushes. No other reply gets in between. Never
    /// panics.
    ///
    /// # Errors
    /// What writing says.
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
