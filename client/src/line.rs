//! A message as it goes over the wire.

use std::sync::Arc;

/// A message with the newline that ends it, ready to be sent any number of times by any number of
/// clients: a clone shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(Arc<[u8]>);

impl Line {
    /// `message` with one newline appended. The message may be empty, and may hold newlines and any
    /// other byte; with newlines it is several lines to the server, and still one message here.
    #[must_use]
    pub fn new(message: impl Into<Vec<u8>>) -> Self {
        let mut bytes = message.into();
        bytes.push(b'\n');
        Self(bytes.into())
    }

    /// Everything that is sent, newline included; never empty.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gets_one_newline_whatever_it_holds() {
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
