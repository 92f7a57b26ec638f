//! A whole server as it ships, on a simulated network and clock, with a seed for everything that can
//! vary: what peers do, how much of a write is taken, signals, which thread runs, in what order
//! events come, what fails, when it is told to stop.
//!
//! Checked at each step: what came back is the beginning of what was sent, no connection holds more
//! than it may, no limit is exceeded. At rest: nothing is owed, and nothing wakes up. At the end:
//! every connection was closed for the right reason, none was forgotten, and the counters say so.

// What is not as promised panics.
#![allow(clippy::unwrap_used, clippy::panic)]

mod check;
mod dice;
#[cfg(test)]
mod exhaustive;
mod lines;
mod network;
mod oracle;
mod setup;
mod socket;
mod stream;
mod world;

use self::dice::Dice;
use self::world::World;

/// Runs a whole server as a fuzzer's bytes say.
#[cfg(fuzzing)]
pub fn fuzz_server(script: &[u8]) {
    World::new(Dice::scripted(script)).run();
}

/// Runs the line machine as a fuzzer's bytes say.
#[cfg(fuzzing)]
pub fn fuzz_lines(script: &[u8]) {
    lines::play(&mut Dice::scripted(script));
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::panic::catch_unwind;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    /// Seeds that every run of the tests goes through.
    const SEEDS: u64 = 10_000;

    /// More or fewer of them: `ECHO_SIMULATION_SEEDS=1000000`.
    const SEEDS_VARIABLE: &str = "ECHO_SIMULATION_SEEDS";

    /// Replays one: `ECHO_SIMULATION_SEED=17 cargo test -p echo-server --lib every_seed`.
    const SEED_VARIABLE: &str = "ECHO_SIMULATION_SEED";

    fn number(variable: &str) -> Option<u64> {
        let value = env::var(variable).ok()?;
        Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
    }

    fn run(seed: u64) {
        lines::play(&mut Dice::seeded(seed));
        World::new(Dice::seeded(seed)).run();
    }

    fn run_all(next: &AtomicU64, seeds: u64) {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let outcome = catch_unwind(|| run(seed));
            assert!(
                outcome.is_ok(),
                "replay: {SEED_VARIABLE}={seed} cargo test -p echo-server --lib every_seed"
            );
        }
    }

    #[test]
    fn every_seed_keeps_every_promise() {
        if let Some(seed) = number(SEED_VARIABLE) {
            return run(seed);
        }
        let seeds = number(SEEDS_VARIABLE).unwrap_or(SEEDS);
        let next = AtomicU64::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| run_all(&next, seeds));
            }
        });
    }
}
