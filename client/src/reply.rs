//! Compares received bytes with sent bytes. This module is pure: it knows no socket, no clock and no
//! address.

/// The state of a reply after some more bytes of it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All bytes so far are right, and more must follow.
    Partial,
    /// The reply is complete and right.
    Complete,
    /// The byte at this index of the last piece is wrong.
    Differs(usize),
    /// The reply is complete and right, but the last piece goes on from this index.
    Surplus(usize),
}

/// A reply that is arriving: its right bytes, and how many of them have arrived.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    expected: &'a [u8],
    matched_len: usize,
}

impl<'a> Reply<'a> {
    /// Starts a reply that must consist of the bytes `expected`.
    pub(crate) fn new(expected: &'a [u8]) -> Self {
        Self { expected, matched_len: 0 }
    }

    /// Returns the number of right bytes before the first wrong one.
    pub(crate) fn matched_len(&self) -> usize {
        self.matched_len
    }

    /// Returns the bytes that must arrive next.
    pub(crate) fn awaited(&self) -> &'a [u8] {
        self.expected.get(self.matched_len..).unwrap_or_default()
    }

    /// Compares the next piece of the reply.
    pub(crate) fn take(&mut self, received: &[u8]) -> Verdict {
        let awaited = self.awaited();
        let matched_len = common_prefix_len(awaited, received);
        self.matched_len += matched_len;
        match (matched_len == awaited.len(), matched_len == received.len()) {
            (true, true) => Verdict::Complete,
            (true, false) => Verdict::Surplus(matched_len),
            (false, true) => Verdict::Partial,
            (false, false) => Verdict::Differs(matched_len),
        }
    }
}

fn common_prefix_len(one: &[u8], other: &[u8]) -> usize {
    let len = one.len().min(other.len());
    // The usual case runs at the speed of memcmp. Only a reply that differs is walked byte by byte.
    if one.get(..len) == other.get(..len) {
        return len;
    }
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], verdict: Verdict, matched_len: usize) {
        let mut reply = Reply::new(b"hello\n");
        let verdicts: Vec<_> = pieces.iter().map(|piece| reply.take(piece)).collect();
        assert_eq!((verdicts.last(), reply.matched_len()), (Some(&verdict), matched_len));
        let before = &verdicts[..verdicts.len() - 1];
        assert!(before.iter().all(|earlier| *earlier == Verdict::Partial), "{before:?}");
    }

    #[test]
    fn a_right_reply_is_complete_in_any_pieces() {
        check(&[b"hello\n"], Verdict::Complete, 6);
        check(&[b"h", b"ello", b"\n"], Verdict::Complete, 6);
        check(&[b"hello"], Verdict::Partial, 5);
    }

    #[test]
    fn the_first_wrong_byte_is_found() {
        check(&[b"Hello\n"], Verdict::Differs(0), 0);
        check(&[b"hellO\n"], Verdict::Differs(4), 4);
        check(&[b"hel", b"lO"], Verdict::Differs(1), 4);
        check(&[b"hell", b"\n"], Verdict::Differs(0), 4);
        check(&[b"hello", b"\r\n"], Verdict::Differs(0), 5);
        check(&[b"helloo\nand more"], Verdict::Differs(5), 5);
    }

    #[test]
    fn bytes_after_the_end_are_surplus() {
        check(&[b"hello\n\n"], Verdict::Surplus(6), 6);
        check(&[b"hello", b"\nhello\n"], Verdict::Surplus(1), 6);
    }
}
