//! Repeatable randomness: the seed is printed, and can be set in the environment.

use std::env;
use std::time::SystemTime;

/// The environment variable for the seed. Set it to a printed seed to repeat a run.
pub const SEED_VARIABLE: &str = "ECHO_TEST_SEED";

/// A generator (`SplitMix64`) that returns the same numbers on every system for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Creates a generator with the seed of the environment, or of the clock. Prints the seed, so that
    /// the output of a failing test contains it.
    #[must_use]
    pub fn new() -> Self {
        let seed = match env::var(SEED_VARIABLE) {
            Ok(seed) => seed.parse().expect("the seed is a number"),
            Err(_) => SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        };
        eprintln!("{SEED_VARIABLE}={seed}");
        Self(seed)
    }

    /// Creates a generator with a seed that the caller prints.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number, which may be any `u64`.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// Returns a number in `1..=max`.
    pub fn up_to(&mut self, max: usize) -> usize {
        usize::try_from(self.number() % max as u64).unwrap() + 1
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the `index`th output of the `SplitMix64` generator that starts at zero.
#[must_use]
pub fn mix(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
