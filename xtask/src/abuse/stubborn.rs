//! Peers that send and do not read. The server must stop reading from them and must not hold more than
//! it promises.

use std::thread;

use echo_tests::random::Random;
use echo_tests::wait::Over;

use crate::check::{Outcome, passed};
use crate::load::{Load, MAX_HELD_LEN, Session, Target, mib, neighbour};

/// Number of peers. In the end, half of them read everything and half reset the connection.
const COUNT: usize = 64;
const THREADS: u8 = 8;

/// Additional memory in bytes for read buffers and the allocator.
const SLACK: u64 = 2 << 20;

pub(super) fn check() -> Outcome {
    let target = Target::start(&[]);
    let over = Over::default();
    let (load, served, peak) = thread::scope(|scope| {
        let neighbour = scope.spawn(|| neighbour(target.addr(), &over, &mut Random::new()));
        let guard = over.guard();
        let (load, peak) = target.peak_during(|| stuff_and_leave(&target));
        drop(guard);
        (load, neighbour.join().unwrap(), peak)
    });
    let limit = COUNT as u64 * MAX_HELD_LEN + SLACK;
    let grown = Target::expect_growth_below(target.idle().resident, peak, limit);
    let echoed = load.echoed + served;
    target.stop().expect_exactly(&Load { echoed, connections: load.connections + 1, ..load });
    passed(format_args!(
        "memory grew by {} for {COUNT} peers, {} allowed; half of them read in the end and got their \
         {}, half reset; a neighbour exchanged {} at the same time",
        mib(grown),
        mib(limit),
        mib(load.echoed.bytes),
        mib(served.bytes)
    ))
}

/// Makes all peers send until the server takes no more. Once all of them are stuck, they end.
fn stuff_and_leave(target: &Target) -> Load {
    let stuck = thread::scope(|scope| {
        let stuff = |source| {
            let mut random = Random::new();
            scope.spawn(move || {
                let stuff = |_| {
                    let session = Session::connect(target.addr(), source);
                    let content = session.stuff(&mut random);
                    (session, content)
                };
                (0..COUNT / usize::from(THREADS)).map(stuff).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (1..=THREADS).map(stuff).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let mut load = Load { connections: COUNT as u64, ..Load::default() };
    for (number, (session, content)) in stuck.into_iter().enumerate() {
        if number % 2 == 0 {
            load.echoed += session.unstuff(content);
        } else {
            session.reset();
            load.broken += 1;
        }
    }
    load
}
