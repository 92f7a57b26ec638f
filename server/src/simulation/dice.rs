//! Where a run's decisions come from: a seed, or a fuzzer's bytes.

use fastrand::Rng;

/// Decides whatever the server has no say in.
pub(super) enum Dice {
    Seeded(Box<Rng>),
    /// When the bytes are used up, everything goes as smoothly as it can.
    #[cfg_attr(not(fuzzing), allow(dead_code))]
    Scripted(std::vec::IntoIter<u8>),
}

impl Dice {
    pub(super) fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(Rng::with_seed(seed)))
    }

    /// A number below `count`, which is at least 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        match self {
            Self::Seeded(rng) => rng.usize(..count),
            Self::Scripted(bytes) => {
                let len = [0, 1, 2, 4][usize::from(count > 1)
                    + usize::from(count > 256)
                    + usize::from(count > 65_536)];
                let number =
                    bytes.take(len).fold(0, |number, byte| number << 8 | usize::from(byte));
                number % count
            }
        }
    }

    /// True in this many of 256 cases.
    pub(super) fn chance(&mut self, cases: usize) -> bool {
        self.below(256) >= 256 - cases
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }

    /// Whether no decision is left: never for a seed.
    pub(super) fn is_used_up(&self) -> bool {
        matches!(self, Self::Scripted(bytes) if bytes.len() == 0)
    }
}
