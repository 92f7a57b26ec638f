//! Peers that send a byte now and then and never end their line. The server must serve a neighbour at
//! the same time, and must close peers that stop sending.

use std::thread;
use std::time::{Duration, Instant};

use echo_common::descriptors;
use echo_tests::random::Random;
use echo_tests::wait::{Over, wait_until};

use crate::check::{Outcome, passed};
use crate::load::{Echoed, Load, Session, Target, mib, neighbour};

const COUNT: usize = 2_000;

/// Number of peers that stop sending. The others go on.
const QUITTERS: usize = COUNT / 2;

const IDLE_TIMEOUT: Duration = Duration::from_secs(6);

/// Maximum memory in bytes of a connection that holds a few hundred bytes.
const MAX_RESIDENT_EACH: u64 = 2_048;

pub(super) fn check() -> Outcome {
    descriptors::raise_limit();
    let idle_timeout = humantime::format_duration(IDLE_TIMEOUT).to_string();
    let target = Target::start(&["--idle-timeout", &idle_timeout]);
    let (over, random) = (Over::default(), &mut Random::new());
    let (trickled, served, grown) = thread::scope(|scope| {
        let guard = over.guard();
        let neighbour = scope.spawn(|| neighbour(target.addr(), &over, random));
        let (trickled, peak) = target.peak_during(|| trickle_and_quit(&target));
        drop(guard);
        let grown = peak.saturating_sub(target.idle().resident);
        (trickled, neighbour.join().unwrap(), grown)
    });
    let limit = COUNT as u64 * MAX_RESIDENT_EACH;
    assert!(grown < limit, "memory grew by {} for {COUNT} peers that trickle", mib(grown));
    target.stop().expect_exactly(&Load {
        connections: COUNT as u64 + 1,
        echoed: trickled + served,
        reclaimed: QUITTERS as u64,
        ..Load::default()
    });
    passed(format_args!(
        "{QUITTERS} peers went on and got the whole echo, {QUITTERS} stopped and were closed after \
         the whole echo; a neighbour exchanged {} at the same time; memory grew by {}",
        mib(served.bytes),
        mib(grown)
    ))
}

/// Makes all peers trickle for longer than the idle timeout. Then half of them stop, and the others
/// go on until the server has closed the first half. Returns the echo.
fn trickle_and_quit(target: &Target) -> Echoed {
    let connect = |_| Session::connect(target.addr(), 1);
    let mut sessions: Vec<Session> = (0..COUNT).map(connect).collect();
    let started = Instant::now();
    let mut text = vec![];
    while started.elapsed() < IDLE_TIMEOUT + Duration::from_secs(1) {
        trickle(&sessions, &mut text);
    }
    assert_eq!(target.sample().descriptors, target.idle().descriptors + COUNT + 1);
    let quitters = sessions.split_off(COUNT - QUITTERS);
    let quit_text = text.clone();
    wait_until("the end of the peers that stopped", || {
        trickle(&sessions, &mut text);
        target.sample().descriptors == target.idle().descriptors + COUNT - QUITTERS + 1
    });
    for session in &sessions {
        session.send("\n");
        session.half_close();
    }
    text.push(b'\n');
    let quitters = quitters.into_iter().map(|session| session.expect_end(&quit_text));
    let others = sessions.into_iter().map(|session| session.expect_end(&text));
    quitters.chain(others).sum()
}

/// Sends one more byte on every connection, then pauses.
fn trickle(sessions: &[Session], text: &mut Vec<u8>) {
    const PAUSE: Duration = Duration::from_millis(20);
    let byte = b"slowloris "[text.len() % 10];
    sessions.iter().for_each(|session| session.send([byte]));
    text.push(byte);
    thread::sleep(PAUSE);
}
