//! The source of all decisions in a run: a seed, or the bytes of a fuzzer.

#[cfg(test)]
use fastrand::Rng;

/// Makes every decision that is not the server's.
pub(super) enum Dice {
    #[cfg(test)]
    Seeded(Box<Rng>),
    /// Once the bytes are used up, each decision takes the first choice. Nothing fails then.
    #[cfg(fuzzing)]
    Scripted(std::vec::IntoIter<u8>),
}

impl Dice {
    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(Rng::with_seed(seed)))
    }

    #[cfg(fuzzing)]
    pub(super) fn scripted(bytes: &[u8]) -> Self {
        Self::Scripted(Vec::from(bytes).into_iter())
    }

    /// Returns a number below `count`, which must be at least 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        match self {
            #[cfg(test)]
            Self::Seeded(rng) => rng.usize(..count),
            #[cfg(fuzzing)]
            Self::Scripted(bytes) => {
                let len = match count {
                    0..=1 => 0,
                    2..=256 => 1,
                    _ => 3,
                };
                let number = bytes.take(len).fold(0, |sum, byte| sum << 8 | usize::from(byte));
                number % count
            }
        }
    }

    /// Returns true in `cases` of 256 cases.
    pub(super) fn chance(&mut self, cases: usize) -> bool {
        self.below(256) >= 256 - cases
    }

    /// Returns one of the `choices`.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Puts the items into a random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }

    /// Returns whether the fuzzer's bytes are used up. A seed never is.
    pub(super) fn is_used_up(&self) -> bool {
        match self {
            #[cfg(test)]
            Self::Seeded(_) => false,
            #[cfg(fuzzing)]
            Self::Scripted(bytes) => bytes.len() == 0,
        }
    }
}
