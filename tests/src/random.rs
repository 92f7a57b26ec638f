//! Randomness that can be had again: the seed is printed, and taken from the environment.

use std::env;
use std::time::SystemTime;

/// Set this to a printed seed to repeat a run.
pub const SEED_VARIABLE: &str = "ECHO_TEST_SEED";

/// A generator (`SplitMix64`), the same on every system for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts from the seed in the environment, or from the clock, and prints it: the test that
    /// fails shows it.
    #[must_use]
    pub fn new() -> Self {
        let seed = match env::var(SEED_VARIABLE) {
            Ok(seed) => seed.parse().expect("the seed is a number"),
            Err(_) => SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        };
        eprintln!("{SEED_VARIABLE}={seed}");
        Self(seed)
    }

    /// Starts from a seed that the caller prints.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of them.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// A number in `1..=max`.
    pub fn up_to(&mut self, max: usize) -> usize {
        usize::try_from(self.number() % max as u64).unwrap() + 1
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

/// One output of `SplitMix64`: the `index`th of the generator that starts at zero.
#[must_use]
pub fn mix(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
