//! Runs the whole server as it ships on a simulated network and a simulated clock. One seed decides
//! everything that can vary: what the peers do, how many bytes of a write the system takes, which
//! calls a signal interrupts, which thread runs next, in which order events arrive, what fails, and
//! when the server is asked to stop.
//!
//! The simulation checks the server's promises at three times:
//!
//! - After each turn, no connection holds more bytes than it may, and no limit is exceeded. Each
//!   write is checked as it happens: the echo is always a beginning of what the peer sent.
//! - At rest, the server owes no bytes and no thread wakes up.
//! - At the end, every connection was closed once and for the right reason, and the counters agree
//!   with what happened.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken promise panics")]

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

/// Runs a whole server. The bytes of the fuzzer make the decisions.
#[cfg(fuzzing)]
pub fn fuzz_server(script: &[u8]) {
    World::new(Dice::scripted(script)).run();
}

/// Runs the line machine. The bytes of the fuzzer make the decisions.
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

    /// Number of seeds that the test runs, unless [`SEEDS_VARIABLE`] says otherwise.
    const SEEDS: u64 = 10_000;

    /// Changes the number of seeds: `ECHO_SIMULATION_SEEDS=1000000`.
    const SEEDS_VARIABLE: &str = "ECHO_SIMULATION_SEEDS";

    /// Replays one seed: `ECHO_SIMULATION_SEED=17 cargo test -p echo-server --lib every_seed`.
    const SEED_VARIABLE: &str = "ECHO_SIMULATION_SEED";

    fn number_in(variable: &str) -> Option<u64> {
        let value = env::var(variable).ok()?;
        Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
    }

    fn run_seed(seed: u64) {
        lines::play(&mut Dice::seeded(seed));
        World::new(Dice::seeded(seed)).run();
    }

    /// Runs the seeds below `seeds` that no other thread has taken from `next`.
    fn run_seeds(next: &AtomicU64, seeds: u64) {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let outcome = catch_unwind(|| run_seed(seed));
            assert!(
                outcome.is_ok(),
                "replay: {SEED_VARIABLE}={seed} cargo test -p echo-server --lib every_seed"
            );
        }
    }

    #[test]
    fn every_seed_keeps_every_promise() {
        if let Some(seed) = number_in(SEED_VARIABLE) {
            return run_seed(seed);
        }
        let seeds = number_in(SEEDS_VARIABLE).unwrap_or(SEEDS);
        let next = AtomicU64::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| run_seeds(&next, seeds));
            }
        });
    }
}
