//! The line machine: given the bytes held and the bytes just received, how many are due now?
//!
//! It is pure: it owns no byte, knows no socket, clock or thread, and neither counts, logs nor copies.

use std::fmt;
use std::num::NonZeroUsize;

use memchr::memrchr;

/// When received bytes are due to be sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A line is due when its `\n` has arrived.
    Line,
    /// Every byte is due at once (RFC 862).
    Raw,
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Raw => "raw",
        })
    }
}

/// The echo rule of a server. All its connections share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Echo {
    framing: Framing,
    max_line_length: NonZeroUsize,
}

impl Echo {
    pub(crate) fn new(framing: Framing, max_line_length: NonZeroUsize) -> Self {
        Self { framing, max_line_length }
    }

    /// Returns the length of the longest line that goes back whole, in bytes.
    pub(crate) fn max_line_length(&self) -> usize {
        self.max_line_length.get()
    }

    /// Returns how many bytes at the front of `chunk` are due, when `held_len` bytes of an unfinished
    /// line were received before them. If the result is not zero, the held bytes are due too. If it is
    /// zero, the caller must hold `chunk` as well.
    ///
    /// The bytes that are not due are always fewer than the longest line, because a longer line is due
    /// in pieces of that length. With [`Framing::Raw`] there are none.
    pub(crate) fn due_len(&self, held_len: usize, chunk: &[u8]) -> usize {
        debug_assert!(held_len < self.max_line_length.get());
        match self.framing {
            Framing::Raw => chunk.len(),
            Framing::Line => match memrchr(b'\n', chunk) {
                Some(newline) => {
                    let complete = newline + 1;
                    complete + self.pieces_len(chunk.len() - complete)
                }
                None => self.pieces_len(held_len + chunk.len()).saturating_sub(held_len),
            },
        }
    }

    /// Returns the length of the whole pieces in an unterminated line of `len` bytes.
    fn pieces_len(&self, len: usize) -> usize {
        len - len % self.max_line_length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(framing: Framing, max: usize) -> Echo {
        Echo::new(framing, NonZeroUsize::new(max).unwrap())
    }

    #[test]
    fn lines_are_due_when_their_newline_is_there() {
        for (held_len, chunk, due) in [
            (0, "", 0),
            (0, "a", 0),
            (0, "\n", 1),
            (0, "a\n", 2),
            (0, "a\nb", 2),
            (0, "a\nb\nc\n\nd", 7),
            (3, "", 0),
            (3, "a", 0),
            (3, "\n", 1),
            (3, "a\r\nb", 3),
        ] {
            assert_eq!(
                echo(Framing::Line, 8).due_len(held_len, chunk.as_bytes()),
                due,
                "{chunk:?}"
            );
        }
    }

    #[test]
    fn a_line_longer_than_the_limit_is_due_in_pieces() {
        for (held_len, chunk, due) in [
            (0, "1234567", 0),
            (0, "12345678", 8),
            (0, "123456789", 8),
            (0, "1234567812345678", 16),
            (7, "1", 1),
            (7, "12", 1),
            (7, "123456789", 9),
            (7, "1\n", 2),
            (7, "a\n1234567", 2),
            (7, "a\n12345678", 10),
        ] {
            assert_eq!(
                echo(Framing::Line, 8).due_len(held_len, chunk.as_bytes()),
                due,
                "{chunk:?}"
            );
        }
        assert_eq!(echo(Framing::Line, 1).due_len(0, b"abc"), 3);
    }

    #[test]
    fn raw_bytes_are_due_at_once() {
        assert_eq!(echo(Framing::Raw, 1).due_len(0, b"abc"), 3);
        assert_eq!(echo(Framing::Raw, 8).due_len(0, b""), 0);
    }
}
