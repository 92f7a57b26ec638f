//! The worker as it ships, on a simulated network, with a seed for everything that can vary: what
//! peers do, how much of a write is taken, interruptions, the order of events, the clock.
//!
//! Checked at each step: what came back is the beginning of what was sent, and no connection holds
//! more than it may. Checked at the end, when nothing is left to happen: whoever did not break the
//! connection has everything back, and every connection is closed and accounted for.

mod exhaustive;
mod network;

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

use fastrand::Rng;

use self::network::{Network, Shared, SimSelector, SimStream};
use crate::echo::{Echo, Framing};
use crate::records::Records;
use crate::slots::Key;
use crate::stream::Readiness;
use crate::worker::{Accepted, Rules, Wake, Worker};

/// Seeds that every run of the tests goes through.
const SEEDS: u64 = 3_000;

/// Replays one seed: `ECHO_SIMULATION_SEED=17 cargo test -p echo-server simulation`.
const SEED_VARIABLE: &str = "ECHO_SIMULATION_SEED";

/// Things that happen in one run before it is brought to its end.
const MAX_STEPS: usize = 120;

/// Connections of one run.
const MAX_CONNECTIONS: usize = 6;

/// How the run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Every peer finishes.
    Peers,
    /// The server stops; every peer reads on, and finishes when the server has.
    Shutdown,
    /// Nobody does anything any more: the idle timeout ends the connections.
    Idle,
}

struct Run {
    rng: Rng,
    network: Shared,
    worker: Worker<SimStream>,
    selector: SimSelector,
    now_ms: u64,
    max_held: usize,
    ending: Ending,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let framing = if rng.u8(..) < 64 { Framing::Raw } else { Framing::Line };
        let max_line_length = [1, 2, 7, 64, 1_000, 65_536][rng.usize(..6)];
        let ending = [Ending::Peers, Ending::Shutdown, Ending::Idle][rng.usize(..3)];
        let rules = Rules {
            echo: Echo::new(framing, NonZeroUsize::new(max_line_length).unwrap()),
            idle_timeout_ms: (ending == Ending::Idle).then_some(10_000),
            linger_ms: 1_000,
            drain_timeout_ms: 5_000,
        };
        let network = Rc::new(RefCell::new(Network::new(rng.fork())));
        let worker = Worker::new(&rules, Records::new(0, framing));
        let max_held = max_line_length + 64 * 1024;
        Self { rng, network, worker, selector: SimSelector, now_ms: 1, max_held, ending }
    }

    fn run(mut self) {
        for _ in 0..self.rng.usize(1..MAX_STEPS) {
            self.peers_act();
            self.turn();
        }
        match self.ending {
            Ending::Peers => self.each_open(|network, number| network.peer_finishes(number)),
            Ending::Shutdown => self.worker.start_draining(),
            Ending::Idle => {}
        }
        self.settle();
        self.check_end();
    }

    /// One thing that a peer, or nobody, does.
    fn peers_act(&mut self) {
        let count = self.network.borrow().sockets.len();
        if count == 0 || (count < MAX_CONNECTIONS && self.rng.u8(..) < 20) {
            return self.connect();
        }
        let number = self.rng.usize(..count);
        let mut network = self.network.borrow_mut();
        if network.sockets[number].fin || network.sockets[number].reset {
            let len = self.rng.usize(..5_000);
            return network.peer_reads(number, len);
        }
        match self.rng.u8(..100) {
            0..55 => {
                let (bytes, urgent) = (message(&mut self.rng), self.rng.u8(..) < 16);
                network.peer_sends(number, &bytes, urgent);
            }
            55..85 => network.peer_reads(number, self.rng.usize(..20_000)),
            85..93 => network.peer_finishes(number),
            93..95 => network.peer_resets(number),
            _ => self.now_ms += self.rng.u64(..50),
        }
    }

    fn connect(&mut self) {
        let room = [0, 1, 100, 5_000, 200_000][self.rng.usize(..5)];
        let number = self.network.borrow_mut().connect(room);
        let stream = SimStream { network: Rc::clone(&self.network), number };
        let peer = ([127, 0, 0, 1], 1).into();
        self.worker.start_turn(self.now_ms);
        self.worker.adopt(Accepted { stream, peer, id: number as u64 + 1 }, &mut self.selector);
    }

    /// A worker's turn, as its thread runs it.
    fn turn(&mut self) {
        let mut events = self.network.borrow_mut().poll();
        if self.rng.u8(..) < 16 {
            // Stale, or spurious if a connection happens to have this key.
            let key = Key::from_number(self.rng.usize(..8) << 32 | self.rng.usize(..8));
            events.push((key, Readiness { readable: self.rng.bool(), drain: self.rng.bool() }));
        }
        self.worker.start_turn(self.now_ms);
        for (key, readiness) in events {
            self.worker.mark(key, readiness);
        }
        self.worker.drive(&mut self.selector);
        self.worker.sweep();
        self.check_step();
    }

    /// Goes on until nothing is left to happen, with peers that read all they can.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            self.each_open(|network, number| {
                network.peer_reads(number, 10_000);
                if network.sockets[number].finished {
                    network.peer_finishes(number);
                }
            });
            match self.worker.wake() {
                _ if self.worker.is_empty() => return,
                Wake::Now => {}
                _ if self.network.borrow().has_events() => {}
                Wake::At(at_ms) => self.now_ms = self.now_ms.max(at_ms),
                Wake::Never => return,
            }
            self.turn();
        }
        panic!("the worker does not come to rest");
    }

    fn each_open(&mut self, act: impl Fn(&mut Network, usize)) {
        let mut network = self.network.borrow_mut();
        for number in 0..network.sockets.len() {
            if !network.sockets[number].closed {
                act(&mut network, number);
            }
        }
    }

    fn check_step(&self) {
        let (mut received, mut echoed) = (0, 0);
        for socket in &self.network.borrow().sockets {
            assert!(socket.sent.starts_with(&socket.echoed), "not the beginning of what was sent");
            let held = socket.received() - socket.echoed.len();
            assert!(socket.finished || held <= self.max_held, "holds {held}");
            received += socket.received() as u64;
            echoed += socket.echoed.len() as u64;
        }
        let stats = self.worker.stats();
        assert_eq!(stats.sent, echoed);
        assert!(stats.received <= received, "counts more than was read");
    }

    fn check_end(&self) {
        let network = self.network.borrow();
        let count = |what: fn(&&network::Socket) -> bool| {
            network.sockets.iter().filter(what).count() as u64
        };
        for socket in network.sockets.iter().filter(|socket| !socket.reset) {
            assert_eq!(
                (socket.received(), socket.echoed.len()),
                (socket.sent.len(), socket.sent.len()),
                "bytes are owed {:?} {:?}",
                self.ending,
                (socket.fin, socket.finished, socket.closed)
            );
        }
        let stats = self.worker.stats();
        let opened = network.sockets.len() as u64;
        assert_eq!((stats.adopted, stats.closed, stats.open()), (opened, opened, 0));
        assert_eq!(count(|socket| socket.closed), opened);
        assert_eq!(stats.cut, 0);
        assert_eq!(stats.probes, count(|socket| socket.received() == 0));
        assert!(stats.failed <= count(|socket| socket.reset));
        if self.ending == Ending::Idle {
            assert_eq!(stats.idle, count(|socket| socket.finished && !socket.reset));
        }
    }
}

/// Bytes a peer might send: a few, with newlines more or less often, sometimes very many.
fn message(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.u8(..20) {
        0 => rng.usize(..400_000),
        1..4 => rng.usize(..20_000),
        _ => rng.usize(..40),
    };
    let newlines = [0, 2, 30, 200][rng.usize(..4)];
    (0..len).map(|_| if rng.u8(..) < newlines { b'\n' } else { rng.u8(..) }).collect()
}

#[test]
fn every_seed_gives_back_what_was_sent_and_closes_every_connection() {
    if let Ok(seed) = std::env::var(SEED_VARIABLE) {
        return Run::new(seed.parse().unwrap()).run();
    }
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| Run::new(seed).run());
        assert!(
            outcome.is_ok(),
            "replay: {SEED_VARIABLE}={seed} cargo test -p echo-server simulation"
        );
    }
}
