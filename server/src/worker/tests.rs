use std::num::NonZeroUsize;

use super::*;
use crate::connection::TURN_BUDGET;
use crate::echo::Framing;
use crate::proof::counts::memory::{Memory, Peer};
use crate::records::Records;

/// Small ones, so that little traffic reaches them.
const LIMITS: Limits = Limits { long_turn_len: 512, bulk_share: 1_024, ..Limits::SHIPPED };

/// Watches nothing, and remembers whom it was told of last.
#[derive(Default)]
struct NoEvents(Option<Key>);

impl Registry<Memory> for NoEvents {
    fn register(&mut self, _: &mut Memory, key: Key, _: Interest) -> io::Result<()> {
        self.0 = Some(key);
        Ok(())
    }

    fn reregister(&mut self, _: &mut Memory, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }
}

/// A worker, connections that ask little, and three that never have enough.
struct Neighbours {
    worker: Worker<Memory, Records>,
    pings: Vec<(Peer, Key)>,
    floods: Vec<(Peer, Key)>,
}

impl Neighbours {
    fn new(pings: usize) -> Self {
        let line_length = NonZeroUsize::new(64 * 1024).unwrap();
        let rules = Rules {
            echo: Echo::new(Framing::Line, line_length),
            idle_timeout_ms: None,
            linger_ms: 1_000,
            drain_timeout_ms: 5_000,
            limits: LIMITS,
        };
        let worker = Worker::new(&rules, Records::new(0, Framing::Line));
        let mut neighbours = Self { worker, pings: vec![], floods: vec![] };
        neighbours.pings = (0..pings).map(|_| neighbours.adopt()).collect();
        neighbours.floods = (0..3).map(|_| neighbours.adopt()).collect();
        neighbours
    }

    /// It is known which of them flood, and these have much left.
    fn flooded(pings: usize) -> Self {
        let mut neighbours = Self::new(pings);
        neighbours.flood(4 * TURN_BUDGET);
        neighbours.drive();
        neighbours
    }

    fn adopt(&mut self) -> (Peer, Key) {
        let (peer, mut events) = (Peer::default(), NoEvents::default());
        let address = ([127, 0, 0, 1], 1).into();
        let accepted = Accepted { stream: peer.stream(), peer: address, id: 1 };
        self.worker.adopt(accepted, &mut events);
        (peer, events.0.unwrap())
    }

    /// Each of the floods sends so many bytes of lines.
    fn flood(&mut self, len: usize) {
        let lines = b"a line of a flood, of thirty-two\n".repeat(len.div_ceil(33));
        for (peer, key) in &self.floods {
            peer.uncounted_send(&lines);
            self.worker.mark(*key, Readiness { readable: true, read_until_blocked: false });
        }
    }

    /// Returns how many bytes came in.
    fn drive(&mut self) -> usize {
        let before = self.worker.stats().received;
        self.worker.drive(&mut NoEvents::default());
        self.worker.invariants();
        usize::try_from(self.worker.stats().received - before).unwrap()
    }

    fn ping(&mut self) {
        for (peer, key) in &self.pings {
            peer.uncounted_send(b"ping\n");
            self.worker.mark(*key, Readiness { readable: true, read_until_blocked: false });
        }
    }

    /// How many of those that flood have no answer yet.
    fn waiting(&self) -> usize {
        self.floods.iter().filter(|(peer, _)| !peer.uncounted_is_through()).count()
    }
}

#[test]
fn who_asks_little_waits_for_one_long_turn_at_most() {
    let mut neighbours = Neighbours::flooded(1);
    while neighbours.waiting() > 0 {
        neighbours.ping();
        let received = neighbours.drive();
        assert!(neighbours.pings[0].0.uncounted_is_through());
        assert!((6..=TURN_BUDGET + 5).contains(&received), "{received} bytes in one go");
        assert_eq!(neighbours.worker.wake() == Wake::Never, neighbours.waiting() == 0);
    }
}

#[test]
fn long_turns_come_in_turn() {
    let mut neighbours = Neighbours::flooded(1);
    let left = |neighbours: &Neighbours| -> Vec<usize> {
        neighbours.floods.iter().map(|(peer, _)| peer.uncounted_unread_len()).collect()
    };
    let before = left(&neighbours);
    (0..3).for_each(|_| _ = neighbours.drive());
    let took: Vec<usize> =
        before.iter().zip(left(&neighbours)).map(|(before, after)| before - after).collect();
    assert_eq!(took, [TURN_BUDGET; 3]);
}

#[test]
fn who_asks_little_again_counts_as_such_again() {
    let mut neighbours = Neighbours::flooded(1);
    while neighbours.waiting() > 0 {
        neighbours.drive();
    }
    // The last long turn was not the last of all.
    (0..2).for_each(|_| {
        neighbours.flood(33);
        (0..3).for_each(|_| _ = neighbours.drive());
    });
    neighbours.flood(33);
    assert_eq!(neighbours.drive(), 3 * 33);
}

#[test]
fn however_many_the_others_are_those_in_bulk_get_on() {
    const LEN: usize = 330;
    for (pings, waiting) in [(1, 1), (64, 0)] {
        let mut neighbours = Neighbours::new(pings);
        neighbours.flood(LEN);
        neighbours.drive();
        neighbours.flood(LEN);
        neighbours.ping();
        neighbours.drive();
        assert_eq!(neighbours.waiting(), waiting, "beside {pings}");
    }
}

#[test]
fn who_floods_while_it_lingers_is_in_bulk_too() {
    let mut neighbours = Neighbours::new(0);
    for (_, key) in &neighbours.floods {
        let connection = neighbours.worker.connections.get_mut(*key).unwrap();
        connection.end(Cause::Idle, 0);
        neighbours.worker.ready.push(connection, *key);
    }
    neighbours.drive();
    neighbours.flood(4 * TURN_BUDGET);
    assert_eq!(neighbours.drive(), 0);
    assert_eq!(neighbours.worker.ready.bulk.len(), 3);
}

#[test]
fn who_is_judged_while_queued_is_queued_once() {
    let mut neighbours = Neighbours::flooded(1);
    let queued = |neighbours: &Neighbours| neighbours.worker.ready.bulk.len();
    assert_eq!(queued(&neighbours), 3);
    let key = neighbours.floods[0].1;
    neighbours.worker.judge(key, &mut NoEvents::default());
    assert_eq!(queued(&neighbours), 3);
}

#[test]
fn when_the_server_stops_all_have_their_turn_at_once() {
    let mut neighbours = Neighbours::flooded(1);
    neighbours.worker.start_draining();
    assert_eq!(neighbours.drive(), 3 * TURN_BUDGET);
}
