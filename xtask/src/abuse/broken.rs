//! Connections that break in mid-transfer because a client is killed or resets them. Other connections
//! must not be affected.

use std::thread;
use std::time::Duration;

use echo_tests::random::Random;
use echo_tests::wait::Over;

use crate::check::{Outcome, passed};
use crate::load::{Child, Echoed, Load, Session, Target, mib, neighbour};

/// Number of client processes that are killed, one after the other.
const KILLS: usize = 150;

/// Number of transfers of each client process.
const TRANSFERS: usize = 8;

/// Number of connections that each thread resets.
const RESETS: usize = 2_500;
const THREADS: u8 = 4;

/// Maximum number of bytes under way on a connection that is reset.
const MAX_LEN: usize = 128 * 1024;

/// Maximum growth of the server's memory in bytes. It is small because these connections send little at
/// a time.
const MAX_GROWTH: u64 = 4 << 20;

pub(super) fn kills() -> Outcome {
    let mut random = Random::new();
    break_amid_neighbours((KILLS * TRANSFERS) as u64, |target| {
        for _ in 0..KILLS {
            let child = Child::transfers(target.addr(), 1, TRANSFERS);
            // The kill comes at a random moment of the transfers.
            thread::sleep(Duration::from_micros(random.up_to(20_000) as u64));
            child.kill();
        }
    })
}

pub(super) fn resets() -> Outcome {
    break_amid_neighbours(u64::from(THREADS) * RESETS as u64, |target| {
        thread::scope(|scope| {
            for source in 1..=THREADS {
                let mut random = Random::new();
                scope.spawn(move || {
                    for _ in 0..RESETS {
                        let session = Session::connect(target.addr(), source);
                        session.reset_amid(&mut random, MAX_LEN);
                    }
                });
            }
        });
    })
}

/// Runs `work`, which makes and breaks `connections` connections, while two neighbours exchange data.
fn break_amid_neighbours(connections: u64, work: impl FnOnce(&Target)) -> Outcome {
    let target = Target::start(&[]);
    let over = Over::default();
    let (echoed, peak): (Echoed, u64) = thread::scope(|scope| {
        let start = |_| scope.spawn(|| neighbour(target.addr(), &over, &mut Random::new()));
        let neighbours = [1, 2].map(start);
        let guard = over.guard();
        let ((), peak) = target.peak_during(|| work(&target));
        drop(guard);
        (neighbours.into_iter().map(|thread| thread.join().unwrap()).sum(), peak)
    });
    let grown = Target::expect_growth_below(target.idle().resident, peak, MAX_GROWTH);
    let load =
        Load { connections: connections + 2, echoed, broken: connections, ..Load::default() };
    target.stop().expect(&load);
    passed(format_args!(
        "{connections} connections broke; two neighbours exchanged {} at the same time; memory grew \
         by at most {}",
        mib(echoed.bytes),
        mib(grown)
    ))
}
