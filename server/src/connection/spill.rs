//! Bytes that wait in the server: those that could not be sent yet, and the line that is not finished.
//!
//! A spill knows no socket and decides nothing. A connection has one only while it holds bytes; an
//! empty spill goes back to the worker's pool.

/// Maximum number of bytes in the buffers that a pool keeps. Other buffers are freed.
const MAX_POOLED_LEN: usize = 256 * 1024;

/// A buffer is shrunk when it is more than this many times as long as the bytes in it...
const SHRINK_FACTOR: usize = 8;

/// ...and longer than this.
const SHRINK_MIN_LEN: usize = 4 * 1024;

/// The bytes that one connection holds, in order: those that are due, then the unfinished line.
#[derive(Debug, Default)]
pub(crate) struct Spill {
    bytes: Vec<u8>,
    /// Number of bytes at the front that were sent already.
    sent: usize,
    /// Number of bytes at the front that are due, including the sent bytes.
    due: usize,
}

impl Spill {
    /// Returns the bytes that are due and not sent.
    pub(crate) fn due(&self) -> &[u8] {
        &self.bytes[self.sent..self.due]
    }

    /// Returns the unfinished line.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.bytes[self.due..]
    }

    /// Returns the number of bytes held.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Asserts that the sent bytes, the due bytes and the unfinished line follow each other, and that
    /// the buffer is not longer than `max_len`.
    pub(crate) fn invariants(&self, max_len: usize) {
        assert!(self.sent <= self.due && self.due <= self.bytes.len(), "{self:?}");
        assert!(self.sent < self.due || self.sent == 0, "sent bytes are kept");
        assert!(self.bytes.capacity() <= max_len, "a buffer of {}", self.bytes.capacity());
    }

    /// Appends to the unfinished line. The buffer grows by doubling, but not beyond `max_len` unless
    /// the bytes themselves need it.
    pub(crate) fn push(&mut self, bytes: &[u8], max_len: usize) {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            let wanted = (2 * self.bytes.capacity()).min(max_len).max(needed);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Keeps what is left after a write. `due` completes the unfinished line that is held; the first
    /// `sent` bytes of the held line and `due` were sent. The spill keeps the other bytes as due, then
    /// `rest` as the next unfinished line. If `due` is empty, `rest` joins the unfinished line.
    pub(crate) fn keep(&mut self, sent: usize, due: &[u8], rest: &[u8], max_len: usize) {
        debug_assert!((self.sent, self.due) == (0, 0));
        if sent == self.bytes.len() + due.len() {
            self.bytes.clear();
        } else if !due.is_empty() {
            let sent_of_held = sent.min(self.bytes.len());
            self.sent = sent_of_held;
            self.push(&due[sent - sent_of_held..], max_len);
            self.due = self.bytes.len();
        }
        self.push(rest, max_len);
    }

    /// Makes the unfinished line due as it is.
    pub(crate) fn finish_tail(&mut self) {
        self.due = self.bytes.len();
    }

    /// Drops the first `len` due bytes, which were sent.
    pub(crate) fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.due().len());
        self.sent += len;
        if self.sent == self.due {
            self.bytes.drain(..self.due);
            (self.sent, self.due) = (0, 0);
            let capacity = self.bytes.capacity();
            if capacity > SHRINK_MIN_LEN && capacity / SHRINK_FACTOR > self.bytes.len() {
                self.bytes.shrink_to(2 * self.bytes.len());
            }
        }
    }
}

/// One worker's empty spills. They are used again, so that a connection that spills again and again does
/// not allocate.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    #[expect(clippy::vec_box, reason = "a connection holds a box: one word while it has no spill")]
    free: Vec<Box<Spill>>,
    len: usize,
}

impl Pool {
    /// Returns an empty spill.
    pub(crate) fn take(&mut self) -> Box<Spill> {
        let spill = self.free.pop().unwrap_or_default();
        self.len -= spill.bytes.capacity();
        spill
    }

    /// Asserts that the pool keeps only empty buffers, counts them right, and keeps not too many.
    pub(crate) fn invariants(&self) {
        assert!(self.free.iter().all(|spill| spill.bytes.is_empty() && spill.due == 0), "empty");
        let len: usize = self.free.iter().map(|spill| spill.bytes.capacity()).sum();
        assert!(self.len == len && len <= MAX_POOLED_LEN, "keeps {len} bytes, counts {}", self.len);
    }

    /// Takes back a spill, and drops the bytes in it.
    pub(crate) fn give_back(&mut self, mut spill: Box<Spill>) {
        let capacity = spill.bytes.capacity();
        if capacity > 0 && self.len + capacity <= MAX_POOLED_LEN {
            spill.bytes.clear();
            (spill.sent, spill.due) = (0, 0);
            self.len += capacity;
            self.free.push(spill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(bytes: &[u8], due: usize) -> Spill {
        let mut spill = Spill::default();
        spill.push(&bytes[..due], 1024);
        spill.finish_tail();
        spill.push(&bytes[due..], 1024);
        spill
    }

    #[test]
    fn due_bytes_leave_in_order_and_the_tail_stays() {
        let mut spill = holding(b"abcdef", 4);
        assert_eq!((spill.due(), spill.tail(), spill.len()), (&b"abcd"[..], &b"ef"[..], 6));
        spill.consume(3);
        assert_eq!((spill.due(), spill.tail(), spill.len()), (&b"d"[..], &b"ef"[..], 3));
        spill.consume(1);
        assert_eq!((spill.due(), spill.tail(), spill.len()), (&b""[..], &b"ef"[..], 2));
        spill.finish_tail();
        assert_eq!(spill.due(), b"ef");
    }

    #[test]
    fn what_a_short_write_left_is_due_and_what_follows_is_the_tail() {
        for (held, sent, due, rest, left_due) in [
            ("", 0, "", "xy", ""),
            ("ab", 0, "", "xy", ""),
            ("", 0, "cd", "xy", "cd"),
            ("", 1, "cd", "xy", "d"),
            ("", 2, "cd", "xy", ""),
            ("ab", 0, "cd", "xy", "abcd"),
            ("ab", 1, "cd", "xy", "bcd"),
            ("ab", 2, "cd", "xy", "cd"),
            ("ab", 3, "cd", "", "d"),
            ("ab", 4, "cd", "xy", ""),
            ("ab", 4, "cd", "", ""),
        ] {
            let mut spill = Spill::default();
            spill.push(held.as_bytes(), 1_024);
            spill.keep(sent, due.as_bytes(), rest.as_bytes(), 1_024);
            let tail = if due.is_empty() { format!("{held}{rest}") } else { rest.to_owned() };
            assert_eq!(spill.due(), left_due.as_bytes(), "{held} {due} {sent}");
            assert_eq!(spill.tail(), tail.as_bytes(), "{held} {due} {sent}");
        }
    }

    #[test]
    fn growth_doubles_but_stays_within_the_bound() {
        let mut spill = Spill::default();
        for _ in 0..1_000 {
            spill.push(b"x", 1_000);
        }
        assert_eq!(spill.bytes.capacity(), 1_000);
    }

    #[test]
    fn a_short_tail_does_not_keep_a_long_buffer() {
        let mut spill = holding(&[b'x'; 100_000], 99_990);
        spill.consume(99_990);
        assert!(spill.bytes.capacity() < 1_000, "{}", spill.bytes.capacity());
        assert_eq!(spill.tail(), [b'x'; 10]);
    }

    #[test]
    fn the_pool_hands_out_empty_spills_and_keeps_a_bounded_amount() {
        let mut pool = Pool::default();
        for _ in 0..100 {
            pool.give_back(Box::new(holding(&[b'x'; 10_000], 10)));
        }
        assert!(pool.free.len() > 20);
        pool.invariants();
        let spill = pool.take();
        assert_eq!((spill.len(), spill.due().len()), (0, 0));
        assert!(spill.bytes.capacity() > 0, "a pooled buffer is used again");
        while !pool.free.is_empty() {
            pool.take();
        }
        assert_eq!(pool.len, 0);
    }
}
