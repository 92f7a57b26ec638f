//! As many connections as the descriptor limit allows, twice, each with lines of its own.

use echo_common::descriptors;

use crate::check::{Outcome, kept, skipped};
use crate::load::{Child, Echoed, Load, Target, mib};

const PROCESSES: u8 = 4;
const EACH: usize = 4_750;
const COUNT: usize = PROCESSES as usize * EACH;

/// How often everybody speaks, after a first line each.
const ROUNDS: usize = 3;

/// The server's own, and some.
const OTHER_DESCRIPTORS: usize = 100;

/// What a connection that holds nothing may take, in bytes: 88 of ours, and the event queue's.
const MAX_RESIDENT_EACH: u64 = 512;

pub(super) fn check() -> Outcome {
    let needed = (COUNT + OTHER_DESCRIPTORS) as u64;
    let limit = descriptors::raise_limit().unwrap_or(u64::MAX);
    if limit < needed {
        return skipped(format!("{needed} descriptors are needed, the limit is {limit}"));
    }
    let target = Target::start(&[]);
    let (mut echoed, first) = gather(&target);
    let (again, second) = gather(&target);
    echoed += again;
    let grown = Target::expect_growth_below(first, second, 1 << 20);
    let each = second.saturating_sub(target.idle().resident) / COUNT as u64;
    assert!(each <= MAX_RESIDENT_EACH, "{each} bytes for each connection");
    let connections = 2 * COUNT as u64;
    target.stop().expect_exactly(&Load { connections, echoed, ..Load::default() });
    kept(format_args!(
        "{COUNT} held at once, twice; {} in {} messages compared; {} resident with all of them, \
         {each} B each, {} more the second time",
        mib(echoed.bytes),
        echoed.messages,
        mib(second),
        mib(grown)
    ))
}

/// Everybody comes, speaks several times, and leaves. Returns what came back, and the memory while
/// all were there.
fn gather(target: &Target) -> (Echoed, u64) {
    let start = |source| Child::crowd(target.addr(), source, EACH);
    let mut children: Vec<Child> = (1..=PROCESSES).map(start).collect();
    children.iter().for_each(Child::wait_until_joined);
    for _ in 0..ROUNDS {
        children.iter_mut().for_each(Child::order_to_speak);
        children.iter().for_each(Child::wait_until_spoken);
    }
    let sample = target.sample();
    assert_eq!(sample.descriptors, target.idle().descriptors + COUNT, "descriptors");
    assert_eq!(sample.threads, target.idle().threads, "threads");
    let echoed = children.into_iter().map(Child::leave).sum();
    target.expect_idle();
    (echoed, sample.resident)
}
