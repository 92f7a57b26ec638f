//! Peers that send a byte now and then and never end their line, while a neighbour is served; those
//! that stop altogether are reclaimed.

use std::thread;
use std::time::{Duration, Instant};

use echo_common::descriptors;
use echo_tests::random::Random;
use echo_tests::wait::{Over, wait_until};

use crate::check::{Outcome, kept};
use crate::load::{Echoed, Load, Session, Target, mib, neighbour};

const COUNT: usize = 2_000;

/// Those who are given up. The others trickle on.
const QUITTERS: usize = COUNT / 2;

const IDLE_TIMEOUT: Duration = Duration::from_secs(6);

/// What a connection may take that holds a few hundred bytes.
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
    assert!(grown < limit, "{} for {COUNT} that trickle", mib(grown));
    target.stop().expect_exactly(&Load {
        connections: COUNT as u64 + 1,
        echoed: trickled + served,
        reclaimed: QUITTERS as u64,
        ..Load::default()
    });
    kept(format_args!(
        "{QUITTERS} trickled on and got all back, {QUITTERS} stopped and were reclaimed with all \
         they had sent; a neighbour meanwhile exchanged {}; {} more memory",
        mib(served.bytes),
        mib(grown)
    ))
}

/// Everybody trickles for longer than the idle timeout; then half of them stop, and the others
/// trickle on until those are gone. Returns what came back.
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
    wait_until("the end of those who stopped", || {
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

/// One byte more from everybody, and a while without any.
fn trickle(sessions: &[Session], text: &mut Vec<u8>) {
    const PAUSE: Duration = Duration::from_millis(20);
    let byte = b"slowloris "[text.len() % 10];
    sessions.iter().for_each(|session| session.send([byte]));
    text.push(byte);
    thread::sleep(PAUSE);
}
