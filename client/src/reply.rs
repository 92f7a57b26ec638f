//! What came, held against what was sent. Pure: knows no socket, no clock and no address.

/// What is known of a reply after some more of it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Right so far, and more has to come.
    Partial,
    /// All of it came, and it is right.
    Complete,
    /// The byte at this index of what came last is not the one that was expected.
    Differs(usize),
    /// All of it came and is right, but what came last goes on from this index.
    Surplus(usize),
}

/// A reply on its way: the bytes it must have, and how many of them came.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    expected: &'a [u8],
    matched_len: usize,
}

impl<'a> Reply<'a> {
    /// Nothing came yet, and `expected` must.
    pub(crate) fn new(expected: &'a [u8]) -> Self {
        Self { expected, matched_len: 0 }
    }

    /// How many right bytes came before the first wrong one.
    pub(crate) fn matched_len(&self) -> usize {
        self.matched_len
    }

    /// What has to come next.
    pub(crate) fn awaited(&self) -> &'a [u8] {
        self.expected.get(self.matched_len..).unwrap_or_default()
    }

    /// Takes the next bytes that came.
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
    // The usual case at the speed of memcmp; the walk is for the one reply that differs.
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
    fn what_comes_after_the_end_is_surplus() {
        check(&[b"hello\n\n"], Verdict::Surplus(6), 6);
        check(&[b"hello", b"\nhello\n"], Verdict::Surplus(1), 6);
    }
}
