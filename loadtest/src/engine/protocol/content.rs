//! The bytes of the lines: a pure function of seed, connection and sequence number. Nothing that was
//! sent has to be kept in order to check what comes back.
//!
//! A line is a stamp of 8 characters, then a slice of random text, then a newline. No other line has the
//! same stamp among the first 2^28 lines of a connection. The slice begins at a place of the line's own.
//! The stamp can be read back, so a line that comes in the wrong place is recognised. The stamp of a line
//! that is too short for it is cut. Lines from a file are sent in turn, as they stand in the file.

use std::ops::Range;
use std::sync::Arc;

use crate::plan::{Messages, Sizes};

/// Number of characters of the stamp. Each is one of 64.
const STAMP_LEN: usize = 8;

/// Number of the stamp's 48 bits that hold the sequence number. The others hold the connection's number.
/// Stamps repeat when a number needs more bits.
const SEQUENCE_BITS: u32 = 28;
const STAMP_MASK: u64 = (1 << 48) - 1;

/// An odd factor: a multiplication by it can be undone, modulo a power of two.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const INVERSE: u64 = inverse(FACTOR);

/// Number of places in the text at which a line can begin. A power of two, and small enough for the text
/// of short lines to stay in the processor's fastest cache.
const PLACES: usize = 4096;

/// A line's connection and its sequence number on that connection, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) connection: u64,
    pub(crate) sequence: u64,
}

/// The lines of a run.
#[derive(Debug)]
pub(crate) enum Content {
    Random { key: u64, text: Box<[u8]>, sizes: Range<usize> },
    File(Arc<Messages>),
}

/// Consecutive lines of one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) count: u64,
    /// Length of all of them together.
    pub(crate) len: usize,
}

/// One line, as the parts it consists of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    stamp: [u8; STAMP_LEN],
    stamp_len: usize,
    text: &'a [u8],
    /// The newline, unless the text ends with it.
    end: &'static [u8],
}

impl Content {
    pub(crate) fn new(seed: u64, sizes: &Sizes) -> Self {
        match sizes {
            Sizes::Messages(messages) => Self::File(Arc::clone(messages)),
            &Sizes::Range(min, max) => {
                let mut random = fastrand::Rng::with_seed(seed);
                let text = (0..PLACES + max).map(|_| random.u8(b'!'..=b'~')).collect();
                Self::Random { key: mix(seed) & STAMP_MASK, text, sizes: min..max + 1 }
            }
        }
    }

    /// Returns the length of the longest line.
    pub(crate) fn max_len(&self) -> usize {
        match self {
            Self::Random { sizes, .. } => sizes.end - 1,
            Self::File(messages) => messages.lines.iter().map(|line| line.len()).max().unwrap_or(1),
        }
    }

    /// Returns the line that `bytes` begin with, if it is long enough to be told from others.
    pub(crate) fn recognise(&self, bytes: &[u8]) -> Option<Id> {
        let Self::Random { key, .. } = self else { return None };
        let id = unscramble(from_characters(*bytes.first_chunk()?)?, *key);
        self.line(id).begins(bytes).then_some(id)
    }

    /// Returns one line.
    pub(crate) fn line(&self, id: Id) -> Line<'_> {
        match self {
            Self::Random { key, text, sizes } => Line::random::<false>(id, *key, text, sizes),
            Self::File(messages) => Line::of_file(id, messages),
        }
    }

    /// Fills `buffer` with whole lines from `first` on, at most `count`. Returns the lines that had
    /// room.
    #[inline]
    pub(crate) fn write(&self, first: Id, count: u64, buffer: &mut [u8]) -> Lines {
        self.lines_while(first, count, |line, at| line.write(&mut buffer[at..]))
    }

    /// Returns the lines from `first` on, at most `count`, that `bytes` begin with.
    #[inline]
    pub(crate) fn begin(&self, first: Id, count: u64, bytes: &[u8]) -> Lines {
        self.lines_while(first, count, |line, at| line.begins(&bytes[at..]))
    }

    /// Returns the lines from `first` on, at most `count`, up to the first for which `holds` is false.
    /// `holds` also gets the length of all lines before.
    #[inline(always)]
    fn lines_while(
        &self,
        first: Id,
        count: u64,
        mut holds: impl FnMut(Line<'_>, usize) -> bool,
    ) -> Lines {
        let mut lines = Lines::default();
        let mut take = |line: Line<'_>| {
            let does_hold = holds(line, lines.len);
            if does_hold {
                lines.count += 1;
                lines.len += line.len();
            }
            does_hold
        };
        let mut ids =
            (first.sequence..first.sequence + count).map(|sequence| Id { sequence, ..first });
        // The kind of content is looked at once for all lines.
        match self {
            Self::Random { key, text, sizes } if sizes.start > STAMP_LEN => {
                ids.all(|id| take(Line::random::<true>(id, *key, text, sizes)));
            }
            Self::Random { key, text, sizes } => {
                ids.all(|id| take(Line::random::<false>(id, *key, text, sizes)));
            }
            Self::File(messages) => {
                ids.all(|id| take(Line::of_file(id, messages)));
            }
        }
        lines
    }
}

impl<'a> Line<'a> {
    #[inline]
    fn random<const HAS_WHOLE_STAMP: bool>(
        id: Id,
        key: u64,
        text: &'a [u8],
        sizes: &Range<usize>,
    ) -> Self {
        let scrambled = scramble(id, key);
        let place = (scrambled >> 36) as usize;
        let len = match sizes.len() {
            1 => sizes.start,
            choices => {
                let chance = scrambled.wrapping_mul(FACTOR) >> 32;
                sizes.start + ((chance * choices as u64) >> 32) as usize
            }
        };
        let stamp_len = if HAS_WHOLE_STAMP { STAMP_LEN } else { (len - 1).min(STAMP_LEN) };
        let text = &text[place..][..len - 1 - stamp_len];
        Self { stamp: to_characters(scrambled), stamp_len, text, end: b"\n" }
    }

    #[inline]
    fn of_file(id: Id, messages: &'a Messages) -> Self {
        let place = (id.connection + id.sequence) % messages.lines.len() as u64;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the place is less than the number of lines"
        )]
        let text = &messages.lines[place as usize];
        Self { stamp: [0; STAMP_LEN], stamp_len: 0, text, end: b"" }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.stamp_len + self.text.len() + self.end.len()
    }

    #[inline]
    fn parts(&self) -> [&[u8]; 3] {
        [&self.stamp[..self.stamp_len], self.text, self.end]
    }

    /// Returns whether `bytes` begin with the line.
    #[inline]
    pub(crate) fn begins(&self, bytes: &[u8]) -> bool {
        if self.stamp_len == STAMP_LEN {
            // The processor compares whole words much faster than a few bytes.
            return bytes.split_first_chunk::<STAMP_LEN>().is_some_and(|(stamp, rest)| {
                *stamp == self.stamp
                    && rest.len() > self.text.len()
                    && rest[..self.text.len()] == *self.text
                    && rest[self.text.len()] == b'\n'
            });
        }
        bytes.len() >= self.len() && self.differs_at(0, &bytes[..self.len()]).is_none()
    }

    /// Writes the line to the beginning of `buffer`. Returns whether there was room for it.
    #[inline]
    fn write(&self, buffer: &mut [u8]) -> bool {
        let Some(room) = buffer.get_mut(..self.len()) else { return false };
        if self.stamp_len == STAMP_LEN {
            let (stamp, rest) = room.split_at_mut(STAMP_LEN);
            stamp.copy_from_slice(&self.stamp);
            let (text, end) = rest.split_at_mut(self.text.len());
            text.copy_from_slice(self.text);
            end.copy_from_slice(self.end);
        } else {
            self.write_part(0, room);
        }
        true
    }

    /// Fills `buffer` with the bytes of the line from `offset` on. Returns the number of bytes written.
    pub(crate) fn write_part(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let mut written = 0;
        for part in self.parts_from(offset) {
            let len = part.len().min(buffer.len() - written);
            buffer[written..written + len].copy_from_slice(&part[..len]);
            written += len;
        }
        written
    }

    /// Compares `bytes` with the bytes of the line from `offset` on; `bytes` must not go beyond the
    /// line's end. Returns the place of the first difference, counted from the beginning of the line.
    pub(crate) fn differs_at(&self, offset: usize, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        for part in self.parts_from(offset) {
            let (now, later) = rest.split_at(part.len().min(rest.len()));
            if *now != part[..now.len()] {
                let same = now.iter().zip(part).take_while(|(a, b)| a == b).count();
                return Some(offset + bytes.len() - rest.len() + same);
            }
            rest = later;
        }
        None
    }

    /// Returns the bytes of the whole line.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.parts().concat()
    }

    fn parts_from(&self, offset: usize) -> impl Iterator<Item = &[u8]> {
        let mut skip = offset;
        self.parts().into_iter().map(move |part| {
            let skipped = skip.min(part.len());
            skip -= skipped;
            &part[skipped..]
        })
    }
}

/// Maps 48 bits one to one to 48 bits.
#[inline]
fn scramble(id: Id, key: u64) -> u64 {
    let number = (id.connection << SEQUENCE_BITS) | (id.sequence & ((1 << SEQUENCE_BITS) - 1));
    let number = (number ^ key).wrapping_mul(FACTOR) & STAMP_MASK;
    (number ^ (number >> 24)).wrapping_mul(FACTOR) & STAMP_MASK
}

fn unscramble(scrambled: u64, key: u64) -> Id {
    let number = scrambled.wrapping_mul(INVERSE) & STAMP_MASK;
    let number = ((number ^ (number >> 24)).wrapping_mul(INVERSE) & STAMP_MASK) ^ key;
    let sequence = number & ((1 << SEQUENCE_BITS) - 1);
    Id { connection: number >> SEQUENCE_BITS, sequence }
}

/// Writes 48 bits as 8 printable characters of 6 bits each.
#[inline]
fn to_characters(bits: u64) -> [u8; STAMP_LEN] {
    let bits = (bits & 0xff_ffff) | ((bits & 0xffff_ff00_0000) << 8);
    let bits = (bits & 0x0fff_0000_0fff) | ((bits & 0x00ff_f000_00ff_f000) << 4);
    let bits = (bits & 0x003f_003f_003f_003f) | ((bits & 0x0fc0_0fc0_0fc0_0fc0) << 2);
    (bits + 0x3030_3030_3030_3030).to_le_bytes()
}

/// Reads the 48 bits back. Returns `None` if [`to_characters`] cannot have written the characters.
fn from_characters(characters: [u8; STAMP_LEN]) -> Option<u64> {
    let sixes =
        characters.iter().map(|character| character.checked_sub(b'0').filter(|&six| six < 64));
    sixes.rev().try_fold(0, |bits, six| Some((bits << 6) | u64::from(six?)))
}

/// Computes an inverse modulo 2^64 by Newton's method: each round doubles the number of right bits.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut right_bits = 3;
    while right_bits < 64 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        right_bits *= 2;
    }
    inverse
}

/// Spreads a number over all 64 bits, one to one (the finaliser of SplitMix64).
#[inline]
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn contents() -> Vec<Content> {
        let lines = vec![b"one\n"[..].into(), b"\n"[..].into(), b"three \xff\0\n"[..].into()];
        let file = Messages { file: String::new(), lines };
        let ranges = [(1, 1), (2, 2), (8, 8), (9, 9), (10, 10), (64, 64), (1, 40)];
        let ranges = ranges.into_iter().map(|(min, max)| Sizes::Range(min, max));
        let all = ranges.chain([Sizes::Messages(Arc::new(file))]);
        all.map(|sizes| Content::new(7, &sizes)).collect()
    }

    fn ids() -> impl Iterator<Item = Id> {
        (0..5).flat_map(|connection| (0..50).map(move |sequence| Id { connection, sequence }))
    }

    #[test]
    fn a_line_ends_with_its_only_newline() {
        for content in contents() {
            for id in ids() {
                let line = content.line(id).to_vec();
                assert_eq!(line.iter().position(|&byte| byte == b'\n'), Some(line.len() - 1));
                assert!(line.len() <= content.max_len());
            }
        }
    }

    #[test]
    fn every_way_to_write_and_to_compare_agrees() {
        for content in contents() {
            for id in ids() {
                let line = content.line(id);
                let bytes = line.to_vec();
                let mut buffer = vec![0; bytes.len() + 3];
                assert!(line.write(&mut buffer) && line.write(&mut buffer[3..]));
                assert_eq!(buffer[3..], bytes);
                assert!(!line.write(&mut buffer[4..]));
                assert!(line.begins(&bytes) && line.begins(&[&bytes[..], b"x"].concat()));
                for offset in 0..bytes.len() {
                    assert!(!line.begins(&bytes[..offset]));
                    let mut part = vec![0; bytes.len() - offset];
                    assert_eq!(line.write_part(offset, &mut part), part.len());
                    assert_eq!(part, bytes[offset..]);
                    assert_eq!(line.differs_at(offset, &part), None);
                    let mut altered = bytes.clone();
                    altered[offset] ^= 1;
                    assert!(!line.begins(&altered));
                    assert_eq!(line.differs_at(0, &altered), Some(offset));
                }
            }
        }
    }

    #[test]
    fn lines_with_a_stamp_differ() {
        let content = Content::new(7, &Sizes::Range(9, 9));
        let lines: HashSet<_> = ids().map(|id| content.line(id).to_vec()).collect();
        assert_eq!(lines.len(), ids().count());
    }

    #[test]
    fn a_line_is_recognised() {
        for (len, is_long_enough) in [(8, false), (9, true), (64, true)] {
            let content = Content::new(7, &Sizes::Range(len, len));
            let far = Id { connection: (1 << 20) - 1, sequence: (1 << 28) - 1 };
            for id in ids().chain([far]) {
                let mut line = content.line(id).to_vec();
                assert_eq!(content.recognise(&line), is_long_enough.then_some(id));
                line[len - 1] ^= 1;
                assert_eq!(content.recognise(&line), None);
            }
        }
    }

    #[test]
    fn another_seed_is_other_content() {
        let [one, other] = [1, 2].map(|seed| Content::new(seed, &Sizes::Range(32, 32)));
        let id = Id { connection: 0, sequence: 0 };
        assert_ne!(one.line(id).to_vec(), other.line(id).to_vec());
    }

    #[test]
    fn lengths_are_spread_over_the_range() {
        let content = Content::new(7, &Sizes::Range(3, 6));
        let lens: HashSet<_> = ids().map(|id| content.line(id).len()).collect();
        assert_eq!(lens, HashSet::from([3, 4, 5, 6]));
    }
}
