//! Where a run's decisions come from: a seed, or a fuzzer's bytes.

#[cfg(test)]
use fastrand::Rng;

/// Decides whatever the server has no say in.
pub(super) enum Dice {
    #[cfg(test)]
    Seeded(Box<Rng>),
    /// When the bytes are used up, the first choice is taken each time: nothing fails.
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
        Self::Scripted(bytes.to_vec().into_iter())
    }

    /// A number below `count`, which is at least 1.
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
        match self {
            #[cfg(test)]
            Self::Seeded(_) => false,
            #[cfg(fuzzing)]
            Self::Scripted(bytes) => bytes.len() == 0,
        }
    }
}
