//! Actors that each have many connections on one thread.

use std::time::Duration;

use echo_tests::random::Random;

use super::arena::Arena;
use super::limits::IDLE_TIMEOUT;
use crate::load::{Crowd, Session};

/// Number of connections of [`crowd`].
pub(super) const CROWD: usize = 2_500;

/// Number of connections of [`slowloris`].
pub(super) const SLOW: usize = 200;

/// Number of connections of [`quitter`].
pub(super) const QUITTERS: usize = 20;

/// The crowd connects from an address of its own, so that it has enough ports.
const CROWD_SOURCE: u8 = 101;

/// Holds connections for long. In each round, each of them sends lines; then a few are replaced.
pub(super) fn crowd(arena: &Arena<'_>, random: &mut Random) {
    const BATCH: usize = 100;
    const REPLACED: usize = 50;
    /// Number of connections opened per round. It is small, so that the others are not silent for long.
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

/// Holds connections that send a byte now and then. Their lines end after a long time.
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

/// Makes connections that stop in the middle of a line. The server echoes what they sent and closes them
/// as idle.
pub(super) fn quitter(arena: &Arena<'_>, random: &mut Random) {
    while arena.has_time_for(2 * IDLE_TIMEOUT) && !arena.is_over() {
        let sessions: Vec<_> = (0..QUITTERS).map(|_| arena.connect(random)).collect();
        sessions.iter().for_each(|session| session.send("a line\nand a half"));
        let end = |session: Session| session.expect_end("a line\nand a half");
        arena.ended(sessions.into_iter().map(end).sum());
        arena.count(|counts| counts.load.reclaimed += QUITTERS as u64);
    }
}
