//! Nearly as many connections as the limit on descriptors allows, twice. Each sends different lines.

use echo_common::descriptors;

use crate::check::{Outcome, passed, skipped};
use crate::load::{Child, Echoed, Load, Target, mib};

const PROCESSES: u8 = 4;
const EACH: usize = 4_750;
const COUNT: usize = PROCESSES as usize * EACH;

/// How often each connection sends lines, after its first line.
const ROUNDS: usize = 3;

/// Descriptors that the server needs for itself, and a reserve.
const OTHER_DESCRIPTORS: usize = 100;

/// Maximum memory in bytes of a connection that holds nothing: 88 bytes of ours, and the event queue's.
const MAX_RESIDENT_EACH: u64 = 512;

pub(super) fn check() -> Outcome {
    let needed = (COUNT + OTHER_DESCRIPTORS) as u64;
    let limit = descriptors::raise_limit().unwrap_or(u64::MAX);
    if limit < needed {
        return skipped(format!("the check needs {needed} descriptors, the limit is {limit}"));
    }
    let target = Target::start(&[]);
    let (mut echoed, first) = gather(&target);
    let (again, second) = gather(&target);
    echoed += again;
    let grown = Target::expect_growth_below(first, second, 1 << 20);
    let each = second.saturating_sub(target.idle().resident) / COUNT as u64;
    assert!(each <= MAX_RESIDENT_EACH, "{each} bytes of memory per connection");
    let connections = 2 * COUNT as u64;
    target.stop().expect_exactly(&Load { connections, echoed, ..Load::default() });
    passed(format_args!(
        "{COUNT} connections at once, twice; {} in {} messages compared; {} resident with all of \
         them, {each} B per connection, {} more the second time",
        mib(echoed.bytes),
        echoed.messages,
        mib(second),
        mib(grown)
    ))
}

/// Opens all connections, sends lines several times, and finishes them. Returns the echo, and the memory
/// while all connections were open.
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
