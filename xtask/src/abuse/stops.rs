//! The server's process is stopped and continued in mid-transfer. Data may be late, but nothing may be
//! lost.

use std::thread;
use std::time::Duration;

use echo_tests::random::Random;
use echo_tests::wait::Over;

use crate::check::{Outcome, passed};
use crate::load::{Echoed, Load, Session, Target, mib, neighbour};

const STOPS: usize = 50;

/// Number of connections with an exchange under way.
const TRANSFERS: usize = 6;

/// Number of connections made during each stop. They wait in the kernel's queue.
const LATE: usize = 20;

/// How long a stop lasts. It is long enough for all buffers to fill.
const STOP: Duration = Duration::from_millis(100);

pub(super) fn check() -> Outcome {
    let target = Target::start(&[]);
    let over = Over::default();
    let echoed = thread::scope(|scope| {
        let transfer = |mut random: Random| neighbour(target.addr(), &over, &mut random);
        let randoms = (0..TRANSFERS).map(|_| Random::new());
        let transfers: Vec<_> =
            randoms.map(|random| scope.spawn(move || transfer(random))).collect();
        let guard = over.guard();
        let late: Echoed = (0..STOPS).map(|_| stop(&target)).sum();
        drop(guard);
        late + transfers.into_iter().map(|transfer| transfer.join().unwrap()).sum()
    });
    let connections = (TRANSFERS + STOPS * LATE) as u64;
    target.stop().expect_exactly(&Load { connections, echoed, ..Load::default() });
    passed(format_args!(
        "{STOPS} stops; {TRANSFERS} transfers, and {LATE} connections made during each stop, lost \
         nothing of {}",
        mib(echoed.bytes)
    ))
}

/// Stops the server once during the transfers. Returns the echo on the connections made during the stop.
fn stop(target: &Target) -> Echoed {
    let late = target.stopped(|| {
        let late: Vec<Session> = (0..LATE).map(|_| Session::connect(target.addr(), 1)).collect();
        late.iter().for_each(|session| session.send("late\nand a rest"));
        thread::sleep(STOP);
        late
    });
    let late = late.into_iter().map(|session| session.finish("late\nand a rest"));
    late.sum()
}
