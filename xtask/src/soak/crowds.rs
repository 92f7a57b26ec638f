//! Actors with many connections each, on one thread.

use std::time::Duration;

use echo_tests::random::Random;

use super::IDLE_TIMEOUT;
use super::arena::Arena;
use crate::load::{Crowd, Session};

/// Connections of [`crowd`].
pub(super) const CROWD: usize = 2_500;

/// Connections of [`slowloris`].
pub(super) const SLOW: usize = 200;

/// Connections of [`quitter`].
pub(super) const QUITTERS: usize = 20;

/// The crowd comes from an address of its own, which has the ports.
const CROWD_SOURCE: u8 = 101;

/// Connections that stay; each speaks once a round, then a few are replaced.
pub(super) fn crowd(arena: &Arena<'_>, random: &mut Random) {
    const BATCH: usize = 100;
    const REPLACED: usize = 50;
    /// A few at a time, so that those who are there need not be silent for long.
    const JOINING: usize = 200;
    let mut crowd = Crowd::new(arena.target.addr(), CROWD_SOURCE);
    while !arena.is_over() {
        for _ in 0..JOINING.min(CROWD - crowd.len()) {
            crowd.join();
            arena.count(|counts| counts.load.connections += 1);
        }
        crowd.speak(BATCH, || arena.pause(random, Duration::from_millis(40)));
        arena.ended(crowd.leave(REPLACED));
    }
    arena.ended(crowd.leave(crowd.len()));
}

/// Connections that send a byte now and then; their lines do end, after long.
pub(super) fn slowloris(arena: &Arena<'_>, random: &mut Random) {
    const MAX_LEN: usize = 300;
    while !arena.is_over() {
        let mut sessions: Vec<_> = (0..SLOW).map(|_| arena.connect(random)).collect();
        let mut text = vec![];
        for _ in 0..random.up_to(MAX_LEN) {
            let byte = b"slowloris "[text.len() % 10];
            sessions.iter().for_each(|session| session.send([byte]));
            text.push(byte);
            arena.pause(random, Duration::from_millis(100));
        }
        sessions.iter().for_each(|session| session.send("\n"));
        text.push(b'\n');
        sessions.iter_mut().for_each(|session| session.expect(&text));
        arena.ended(Session::finish_all(sessions));
    }
}

/// Connections that stop in the middle of a line, and are reclaimed with what they had sent.
pub(super) fn quitter(arena: &Arena<'_>, random: &mut Random) {
    while arena.has_time_for(2 * IDLE_TIMEOUT) && !arena.is_over() {
        let sessions: Vec<_> = (0..QUITTERS).map(|_| arena.connect(random)).collect();
        sessions.iter().for_each(|session| session.send("a line\nand a half"));
        let end = |session: Session| session.expect_end("a line\nand a half");
        arena.ended(sessions.into_iter().map(end).sum());
        arena.count(|counts| counts.load.reclaimed += QUITTERS as u64);
    }
}
