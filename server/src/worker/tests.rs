use std::num::NonZeroUsize;

use super::*;
use crate::connection::TURN_BUDGET;
use crate::echo::Framing;
use crate::proof::counts::memory::{Memory, Peer};
use crate::records::Records;

/// Limits that are so small that little traffic reaches them.
const LIMITS: Limits = Limits { long_turn_len: 512, bulk_share: 1_024, ..Limits::SHIPPED };

/// One line of a flood.
const FLOOD_LINE: &[u8; 33] = b"a line of a flood, of thirty-two\n";

/// A registry that watches nothing and remembers the key that was registered last.
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

/// A worker with quick connections, which send pings, and three bulk connections, which send floods.
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

    /// Returns neighbours whose floods have had one long turn and have more to read.
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

    /// Sends at least `len` bytes of lines on each flood.
    fn flood(&mut self, len: usize) {
        let lines = FLOOD_LINE.repeat(len.div_ceil(FLOOD_LINE.len()));
        for (peer, key) in &self.floods {
            peer.uncounted_send(&lines);
            self.worker.mark(*key, Readiness { readable: true, read_until_blocked: false });
        }
    }

    /// Drives the worker once. Returns how many bytes it received.
    fn drive(&mut self) -> usize {
        let before = self.worker.stats().received;
        self.worker.drive(&mut NoEvents::default());
        self.worker.invariants();
        usize::try_from(self.worker.stats().received - before).unwrap()
    }

    /// Sends one ping on each quick connection.
    fn ping(&mut self) {
        for (peer, key) in &self.pings {
            peer.uncounted_send(b"ping\n");
            self.worker.mark(*key, Readiness { readable: true, read_until_blocked: false });
        }
    }

    /// Returns how many floods do not have their whole echo yet.
    fn unanswered_floods(&self) -> usize {
        self.floods.iter().filter(|(peer, _)| !peer.uncounted_has_whole_echo()).count()
    }
}

#[test]
fn a_quick_connection_waits_for_at_most_one_bulk_turn() {
    let mut neighbours = Neighbours::flooded(1);
    while neighbours.unanswered_floods() > 0 {
        neighbours.ping();
        let received = neighbours.drive();
        assert!(neighbours.pings[0].0.uncounted_has_whole_echo());
        assert!(
            (6..=TURN_BUDGET + 5).contains(&received),
            "received {received} bytes in one drive"
        );
        assert_eq!(neighbours.worker.wake() == Wake::Never, neighbours.unanswered_floods() == 0);
    }
}

#[test]
fn bulk_connections_take_turns() {
    let mut neighbours = Neighbours::flooded(1);
    let unread_lens = |neighbours: &Neighbours| -> Vec<usize> {
        neighbours.floods.iter().map(|(peer, _)| peer.uncounted_unread_len()).collect()
    };
    let before = unread_lens(&neighbours);
    (0..3).for_each(|_| _ = neighbours.drive());
    let read_lens: Vec<usize> =
        before.iter().zip(unread_lens(&neighbours)).map(|(before, after)| before - after).collect();
    assert_eq!(read_lens, [TURN_BUDGET; 3]);
}

#[test]
fn a_bulk_connection_that_has_a_short_turn_is_quick_again() {
    let mut neighbours = Neighbours::flooded(1);
    while neighbours.unanswered_floods() > 0 {
        neighbours.drive();
    }
    // Two rounds with short turns make the floods quick again.
    (0..2).for_each(|_| {
        neighbours.flood(FLOOD_LINE.len());
        (0..3).for_each(|_| _ = neighbours.drive());
    });
    neighbours.flood(FLOOD_LINE.len());
    assert_eq!(neighbours.drive(), 3 * FLOOD_LINE.len());
}

#[test]
fn sixty_four_quick_turns_earn_the_bulk_connections_another_share() {
    // A turn that echoes this many bytes is long, and two such turns use up the share.
    const LEN: usize = 330;
    for (pings, unanswered) in [(1, 1), (64, 0)] {
        let mut neighbours = Neighbours::new(pings);
        neighbours.flood(LEN);
        neighbours.drive();
        neighbours.flood(LEN);
        neighbours.ping();
        neighbours.drive();
        assert_eq!(neighbours.unanswered_floods(), unanswered, "with {pings} pings");
    }
}

#[test]
fn a_lingering_connection_that_floods_is_a_bulk_connection() {
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
fn a_queued_connection_that_is_judged_stays_queued_once() {
    let mut neighbours = Neighbours::flooded(1);
    let queue_len = |neighbours: &Neighbours| neighbours.worker.ready.bulk.len();
    assert_eq!(queue_len(&neighbours), 3);
    let key = neighbours.floods[0].1;
    neighbours.worker.judge(key, &mut NoEvents::default());
    assert_eq!(queue_len(&neighbours), 3);
}

#[test]
fn a_draining_worker_gives_each_bulk_connection_a_turn_in_one_drive() {
    let mut neighbours = Neighbours::flooded(1);
    neighbours.worker.start_draining();
    assert_eq!(neighbours.drive(), 3 * TURN_BUDGET);
}
