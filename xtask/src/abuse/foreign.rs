//! Other protocols and random bytes. The server must echo them like any other bytes.

use std::thread;

use echo_tests::random::Random;
use echo_tests::wait::Over;

use crate::check::{Outcome, passed};
use crate::load::{Echoed, Load, Session, Target, foreign, neighbour};

const RANDOM_COUNT: usize = 500;
const MAX_RANDOM_LEN: usize = 40_000;

/// How often each text is sent, each time on a new connection.
const ROUNDS: usize = 20;

pub(super) fn check() -> Outcome {
    let target = Target::start(&[]);
    let (over, random) = (Over::default(), &mut Random::new());
    let known = (0..ROUNDS).flat_map(|_| foreign()).map(|(_, text)| text);
    let texts: Vec<_> = known.chain((0..RANDOM_COUNT).map(|_| noise(random))).collect();
    let echoed: Echoed = thread::scope(|scope| {
        let neighbour = scope.spawn(|| neighbour(target.addr(), &over, random));
        let guard = over.guard();
        let foreign = texts.iter().map(|text| {
            let session = Session::connect(target.addr(), 1);
            session.send(text);
            session.finish(text)
        });
        let foreign: Echoed = foreign.sum();
        drop(guard);
        foreign + neighbour.join().unwrap()
    });
    let connections = texts.len() as u64 + 1;
    target.stop().expect_exactly(&Load { connections, echoed, ..Load::default() });
    let names: Vec<&str> = foreign().iter().map(|(name, _)| *name).collect();
    passed(format_args!(
        "{} and {RANDOM_COUNT} random texts came back unchanged on {connections} connections",
        names.join(", ")
    ))
}

fn noise(random: &mut Random) -> Vec<u8> {
    let len = random.up_to(MAX_RANDOM_LEN);
    (0..len).map(|_| random.number().to_le_bytes()[0]).collect()
}
