//! Makes bytes from a peer harmless for a log line or a terminal.

use std::fmt;

/// Shows at most `max_len` bytes as in a Rust byte string: everything but printable ASCII is escaped.
/// A longer input ends in `…`. No byte of the input can end the line, close the quotes around it, or
/// reach a terminal as a control sequence.
///
/// ```
/// let shown = echo_common::escape::Escaped::new(b"a\"\x1b[2J\n", 64).to_string();
/// assert_eq!(shown, r#"a\"\x1b[2J\n"#);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a> {
    bytes: &'a [u8],
    cut: bool,
}

impl<'a> Escaped<'a> {
    /// Prepares the first `max_len` bytes of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8], max_len: usize) -> Self {
        match bytes.get(..max_len) {
            Some(head) => Self { bytes: head, cut: bytes.len() > max_len },
            None => Self { bytes, cut: false },
        }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes.escape_ascii())?;
        if self.cut { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_leave_the_quotes_or_the_line() {
        let everything: Vec<u8> = (0..=255).collect();
        let shown = Escaped::new(&everything, 256).to_string();
        assert!(shown.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{shown}");
        assert!(shown.contains(r#"\""#) && shown.contains(r"\\"), "{shown}");
    }

    #[test]
    fn a_long_text_is_cut_and_ends_in_an_ellipsis() {
        assert_eq!(Escaped::new(b"abcd", 4).to_string(), "abcd");
        assert_eq!(Escaped::new(b"abcde", 4).to_string(), "abcd…");
    }
}
