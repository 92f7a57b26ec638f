//! Endless bytes that need not be stored to be compared: each byte is computed from its position.

use crate::random::{Random, mix};

/// Random bytes with newlines among them. The same position always has the same byte.
#[derive(Debug, Clone, Copy)]
pub struct Content(u64);

impl Content {
    /// Creates new content. Each call creates different content.
    pub fn new(random: &mut Random) -> Self {
        Self(random.number())
    }

    /// Fills `buffer` with the bytes from `position` on.
    pub fn fill(self, position: usize, buffer: &mut [u8]) {
        let (mut position, mut rest) = (position, buffer);
        while !rest.is_empty() {
            let word = mix(self.0.wrapping_add(position as u64 / 8)).to_le_bytes();
            let word = &word[position % 8..];
            let len = word.len().min(rest.len());
            rest[..len].copy_from_slice(&word[..len]);
            position += len;
            rest = &mut rest[len..];
        }
    }

    /// Returns the first `len` bytes.
    #[must_use]
    pub fn bytes(self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.fill(0, &mut bytes);
        bytes
    }

    /// Compares `bytes` with the content from `position` on.
    ///
    /// # Panics
    /// When a byte differs; the message names the first one.
    #[track_caller]
    pub fn check(self, position: usize, bytes: &[u8]) {
        let mut expected = vec![0; bytes.len()];
        self.fill(position, &mut expected);
        if expected != bytes {
            let at = expected.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            panic!("byte {} is {}, not {}", position + at, bytes[at], expected[at]);
        }
    }
}
