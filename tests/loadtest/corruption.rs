//! The load tester sees everything that a server does to the stream. In an honest echo it sees no fault,
//! whatever pieces the echo comes in.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use echo_loadtest::plan::{Plan, Sizes};
use echo_loadtest::run_report::Errors;
use echo_tests::random::{Random, mix};

use crate::load::{count, honest_load, load};
use crate::scripted::{Peer, Scripted};

const CONNECTIONS: usize = 80;

/// Number of lines on a connection. All are sent at once.
const LINES: usize = 8;

/// What the load tester has to report, as the server knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Expected {
    verified: u64,
    errors: Errors,
}

/// What a server does with the lines.
fn corrupt(random: &mut Random, lines: &[u8]) -> Vec<u8> {
    let mut came = lines.to_vec();
    let place = random.up_to(lines.len()) - 1;
    let max = random_len(random, lines.len() - place);
    let len = random.up_to(max);
    match random.up_to(7) {
        // An honest server changes nothing.
        1 => {}
        2 => came[place] = random.number().to_le_bytes()[0],
        3 => came[place] ^= 1 << (random.up_to(8) - 1),
        4 => drop(came.drain(place..place + len)),
        5 => drop(came.splice(place..place, lines[place..place + len].to_vec())),
        6 => drop(came.splice(place..place, b"\r\n".to_vec())),
        _ => came[place..].rotate_left(len),
    }
    came
}

/// Draws the length of a piece: short ones as often as long ones.
fn random_len(random: &mut Random, max: usize) -> usize {
    if random.up_to(2) == 1 { max } else { max.min(3) }
}

/// Returns what has to be reported if `came` comes back for `lines`, and then the end of the stream if
/// the server `ends` it.
fn expect(lines: &[u8], came: &[u8], ends: bool) -> Expected {
    let same = lines.iter().zip(came).take_while(|(a, b)| a == b).count();
    let right = &lines[..same];
    let verified = right.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let mut errors = Errors::default();
    if came.len() > same {
        errors.corrupt = 1;
    } else if lines.len() > same && !ends {
        errors.timeout = 1;
    } else if lines.len() > same && right.last().is_none_or(|&byte| byte == b'\n') {
        errors.closed_early = 1;
    } else if lines.len() > same {
        errors.short = 1;
    }
    Expected { verified, errors }
}

/// Sends in pieces of any length.
fn send_in_pieces(random: &mut Random, peer: &Peer, mut rest: &[u8]) {
    while !rest.is_empty() {
        let max = random_len(random, rest.len());
        let (now, later) = rest.split_at(random.up_to(max));
        peer.send(now);
        rest = later;
    }
}

/// Runs a load. Each of its connections meets another random behaviour.
fn check(seed: u64, (min, max): (usize, usize)) {
    let expected = Arc::new(Mutex::new(Expected::default()));
    let sum = Arc::clone(&expected);
    let server = Scripted::start(move |peer| {
        let mut random = Random::seeded(mix(seed ^ mix(peer.number as u64)));
        let lines = peer.lines(LINES).concat();
        if lines.is_empty() {
            return;
        }
        let (came, ends) = (corrupt(&mut random, &lines), random.up_to(2) == 1);
        let one = expect(&lines, &came, ends);
        let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.verified += one.verified;
        sum.errors.add(&one.errors);
        drop(sum);
        send_in_pieces(&mut random, peer, &came);
        if ends { peer.finish() } else { peer.swallow() }
    });
    let plan = Plan {
        connections: u32::try_from(CONNECTIONS).unwrap(),
        depth: u32::try_from(LINES).unwrap(),
        sizes: Sizes::Range(min, max),
        seed,
        // The load tester waits this long for lines that were left out.
        timeout: Duration::from_secs(4),
        ..count(server.address, (CONNECTIONS * LINES) as u64)
    };
    let report = load(&plan);
    let found = Expected { verified: report.messages.verified, errors: report.errors };
    let expected = *expected.lock().unwrap();
    assert_eq!(found, expected, "seed {seed}, {min} to {max} bytes: {:#?}", report.findings);
}

#[test]
fn whatever_is_done_to_the_stream_is_seen() {
    let mut random = Random::new();
    let sizes = [(1, 1), (1, 4), (8, 10), (1, 60), (200, 3_000)];
    let runs: Vec<_> = sizes.map(|sizes| (random.number(), sizes)).into_iter().collect();
    thread::scope(|scope| {
        for (seed, sizes) in runs {
            scope.spawn(move || check(seed, sizes));
        }
    });
}

#[test]
fn honest_pieces_of_any_length_are_right() {
    let mut random = Random::new();
    for (min, max) in [(1, 1), (1, 9), (20, 20), (1, 5_000)] {
        let seed = random.number();
        let server = Scripted::start(move |peer| {
            let mut random = Random::seeded(mix(seed ^ peer.number as u64));
            while let Some(block) = peer.block() {
                send_in_pieces(&mut random, peer, &block);
            }
        });
        let sizes = Sizes::Range(min, max);
        let plan = Plan { sizes, depth: 10, seed, ..count(server.address, 600) };
        honest_load(&plan);
    }
}
