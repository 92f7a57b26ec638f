//! The actors of a soak. Each one repeats its behaviour until the time is over, then finishes what it
//! has begun.
//!
//! Pauses only limit the load; no check depends on them.

use std::time::Duration;

use echo_tests::content::Content;
use echo_tests::random::Random;

use super::arena::Arena;
use super::crowds::{crowd, quitter, slowloris};
use super::limits::{IDLE_TIMEOUT, MAX_LINE_LENGTH};
use crate::load::{Child, foreign};

type Act = fn(&Arena<'_>, &mut Random);

/// A kind of peer, which runs on a thread of its own.
#[derive(Clone, Copy)]
pub(super) struct Actor {
    pub(super) name: &'static str,
    pub(super) act: Act,
}

/// Number of transfers of a process that is killed.
pub(super) const KILLED_TRANSFERS: usize = 4;

/// Returns all actors.
pub(super) fn actors() -> impl Iterator<Item = Actor> {
    let kinds: [(&str, usize, Act); _] = [
        ("talker", 6, talker),
        ("bulk", 3, bulk),
        ("slow reader", 2, slow_reader),
        ("stubborn", 3, stubborn),
        ("resetter", 2, resetter),
        ("churner", 2, churner),
        ("scanner", 1, scanner),
        ("killer", 1, killer),
        ("stopper", 1, stopper),
        ("crowd", 1, crowd),
        ("slowloris", 1, slowloris),
        ("quitter", 1, quitter),
    ];
    let actors = |(name, count, act)| std::iter::repeat_n(Actor { name, act }, count);
    kinds.into_iter().flat_map(actors)
}

/// Sends lines in packets that do not end where the lines end. Some lines are longer than the limit, and
/// the last one is unterminated.
fn talker(arena: &Arena<'_>, random: &mut Random) {
    const MAX_LEN: usize = 3 * MAX_LINE_LENGTH;
    while !arena.is_over() {
        let mut session = arena.connect(random);
        for _ in 0..random.up_to(20) {
            let mut text = Content::new(random).bytes(random.up_to(MAX_LEN));
            if random.up_to(4) == 1 {
                text.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = 0);
            }
            text.push(b'\n');
            text.chunks(random.up_to(MAX_LEN)).for_each(|packet| session.send(packet));
            session.expect(&text);
            arena.pause(random, Duration::from_millis(20));
        }
        let rest = "x".repeat(random.up_to(100) - 1);
        session.send(&rest);
        arena.ended(session.finish(rest));
    }
}

/// Exchanges large amounts of data as fast as possible.
fn bulk(arena: &Arena<'_>, random: &mut Random) {
    const MAX_LEN: usize = 8 << 20;
    while !arena.is_over() {
        let mut session = arena.connect(random);
        for _ in 0..random.up_to(4) {
            let len = random.up_to(MAX_LEN);
            session.exchange(random, len);
            arena.pause(random, Duration::from_millis(500));
        }
        arena.ended(session.finish(""));
    }
}

/// Sends as fast as the server takes it, and reads slowly.
fn slow_reader(arena: &Arena<'_>, random: &mut Random) {
    const MAX_LEN: usize = 2 << 20;
    const READ_PAUSE: Duration = Duration::from_millis(20);
    while !arena.is_over() {
        let mut session = arena.connect(random);
        let len = random.up_to(MAX_LEN);
        session.exchange_slowly(random, len, READ_PAUSE);
        arena.ended(session.finish(""));
    }
}

/// Sends without reading for a while, then reads everything or resets the connection.
fn stubborn(arena: &Arena<'_>, random: &mut Random) {
    const MAX_STAY: Duration = Duration::from_secs(4);
    while !arena.is_over() {
        let session = arena.connect(random);
        let content = session.stuff(random);
        arena.pause(random, MAX_STAY);
        match random.up_to(2) {
            1 => arena.ended(session.unstuff(content)),
            _ => arena.reset(session.reset()),
        }
    }
}

/// Resets connections in mid-transfer.
fn resetter(arena: &Arena<'_>, random: &mut Random) {
    const MAX_LEN: usize = 128 * 1024;
    while !arena.is_over() {
        arena.reset(arena.connect(random).reset_amid(random, MAX_LEN));
        arena.pause(random, Duration::from_millis(400));
    }
}

/// Makes short connections that send a line or nothing, and end in several ways.
fn churner(arena: &Arena<'_>, random: &mut Random) {
    while !arena.is_over() {
        match random.up_to(20) {
            1 => {
                drop(arena.probe(random));
                arena.count(|counts| counts.load.probes += 1);
            }
            way => {
                let mut session = arena.connect(random);
                session.echo(format!("{}\n", random.number()));
                match way {
                    2 => arena.reset(session.reset()),
                    3..=10 => arena.ended(session.close()),
                    _ => arena.ended(session.finish("")),
                }
            }
        }
        arena.pause(random, Duration::from_millis(10));
    }
}

/// Sends the first bytes of other protocols.
fn scanner(arena: &Arena<'_>, random: &mut Random) {
    while !arena.is_over() {
        for (_, text) in foreign() {
            let session = arena.connect(random);
            session.send(&text);
            arena.ended(session.finish(text));
            arena.pause(random, Duration::from_millis(40));
        }
    }
}

/// Starts processes with transfers, and kills them at random moments.
fn killer(arena: &Arena<'_>, random: &mut Random) {
    while !arena.is_over() {
        let child = Child::transfers(arena.target.addr(), 100, KILLED_TRANSFERS);
        arena.count(|counts| counts.load.connections += KILLED_TRANSFERS as u64);
        arena.pause(random, Duration::from_millis(200));
        child.kill();
        arena.count(|counts| {
            counts.load.broken += KILLED_TRANSFERS as u64;
            counts.kills += 1;
        });
        arena.pause(random, Duration::from_secs(2));
    }
}

/// Stops the server's process and continues it.
fn stopper(arena: &Arena<'_>, random: &mut Random) {
    const MAX_STOP: Duration = Duration::from_secs(2);
    const _: () = assert!(MAX_STOP.as_secs() * 5 < IDLE_TIMEOUT.as_secs());
    while !arena.is_over() {
        arena.pause(random, Duration::from_secs(12));
        if arena.is_over() {
            return;
        }
        arena.target.stopped(|| arena.pause(random, MAX_STOP));
        arena.count(|counts| counts.stops += 1);
    }
}
