//! A message in the form in which it is sent.

use std::sync::Arc;

/// A message with the newline that ends it. Many clients can send it many times, because a clone
/// shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(Arc<[u8]>);

impl Line {
    /// Creates a line from `message` by appending one newline.
    ///
    /// The message may be empty, and it may contain any bytes. If it contains newlines, the server
    /// sees several lines, but the client still counts one message.
    #[must_use]
    pub fn new(message: impl Into<Vec<u8>>) -> Self {
        let mut bytes = message.into();
        bytes.push(b'\n');
        Self(bytes.into())
    }

    /// Returns all bytes to send, including the newline. There is at least one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_gets_one_newline() {
        for (message, line) in [
            (&b""[..], &b"\n"[..]),
            (b"a", b"a\n"),
            (b"a\n", b"a\n\n"),
            (b"\0\xff\r", b"\0\xff\r\n"),
        ] {
            assert_eq!(Line::new(message).as_bytes(), line);
        }
    }

    #[test]
    fn a_clone_shares_the_bytes() {
        let line = Line::new("x");
        assert!(std::ptr::eq(line.as_bytes(), line.clone().as_bytes()));
    }
}
