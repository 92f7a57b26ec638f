//! Representative work of the line machine, the slots, the connection and the worker. `cargo xtask
//! counts` counts its instructions.
//!
//! This module knows neither what counts the instructions nor how many there should be. It is built
//! for that task and for the unit tests, never for users.

pub(crate) mod memory;

use std::hint::black_box;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use log::LevelFilter;

use self::memory::{Memory, Peer};
use crate::connection::{Connection, Next, WorkerContext};
use crate::echo::{Echo, Framing};
use crate::limits::Limits;
use crate::records::Records;
use crate::seams::mailbox::Accepted;
use crate::seams::poller::{Key, Registry};
use crate::seams::stream::{Interest, Readiness};
use crate::worker::slots::Slots;
use crate::worker::{Rules, Worker};

/// Length of a long chunk. One read can return all of it.
const CHUNK_LEN: usize = 64 * 1024;

/// How often the work is done while its instructions are counted.
pub const ROUNDS: u32 = 100;

/// How often the work is done before that, so that the pool is full and the allowances are spent.
const WARM_UP_ROUNDS: u32 = 100;

/// Does one operation.
type Work = Box<dyn FnMut()>;

/// Prepares the work and returns it.
type Prepare = fn() -> Work;

/// All work, by name.
const ALL: [(&str, Prepare); 14] = [
    ("machine, a line", || machine(Framing::Line, &line(128))),
    ("machine, 64 KiB of lines", || machine(Framing::Line, &lines())),
    ("machine, 64 KiB without a newline", || machine(Framing::Line, &[b'x'; CHUNK_LEN])),
    ("machine, raw", || machine(Framing::Raw, &lines())),
    ("slots, one comes and goes", insert_and_remove),
    ("connection, ping", || exchange(Framing::Line, vec![line(128)])),
    ("connection, 64 KiB of lines", || exchange(Framing::Line, vec![lines()])),
    ("connection, a line in two pieces", || exchange(Framing::Line, halves(&line(128)))),
    ("connection, a line of 64 KiB", || exchange(Framing::Line, halves(&line(CHUNK_LEN)))),
    ("connection, raw", || exchange(Framing::Raw, vec![vec![b'x'; 128]])),
    ("connection, a short write", short_write),
    ("worker, 50 pings", || pings(50)),
    ("worker, a ping among 1000 that are silent", || ping_among_silent(1_000)),
    ("worker, a connection with one line", || connection_with(&line(128))),
];

/// Returns the names of all work.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Does the work of this name, first to warm up and then [`ROUNDS`] times within `counted`. Returns
/// `None` if there is no such work.
pub fn perform(name: &str) -> Option<()> {
    let (_, prepare) = ALL.iter().find(|(known, _)| *known == name)?;
    // At this level, the default, records are shown until the allowance is spent, then only counted.
    log::set_max_level(LevelFilter::Info);
    let mut work = prepare();
    (0..WARM_UP_ROUNDS).for_each(|_| work());
    counted(&mut *work);
    Some(())
}

/// Does the work [`ROUNDS`] times. The instructions within this function are counted, except those
/// within functions called `uncounted_…`.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    for _ in 0..ROUNDS {
        work();
    }
}

/// Returns a line of this length, with its newline.
fn line(len: usize) -> Vec<u8> {
    let mut line = vec![b'x'; len];
    line[len - 1] = b'\n';
    line
}

/// Returns a chunk of lines of 64 bytes each.
fn lines() -> Vec<u8> {
    line(64).repeat(CHUNK_LEN / 64)
}

fn halves(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(bytes.len().div_ceil(2)).map(<[u8]>::to_vec).collect()
}

fn echo(framing: Framing) -> Echo {
    Echo::new(framing, NonZeroUsize::new(64 * 1024).unwrap_or(NonZeroUsize::MIN))
}

fn machine(framing: Framing, chunk: &[u8]) -> Work {
    let (echo, chunk) = (echo(framing), chunk.to_vec());
    Box::new(move || {
        black_box(black_box(echo).due_len(black_box(0), black_box(&chunk)));
    })
}

fn insert_and_remove() -> Work {
    let mut slots = Slots::new();
    for number in 0..1_000_u64 {
        assert!(slots.insert([number; 10]).is_ok());
    }
    Box::new(move || {
        let key = slots.insert([0; 10]).map_err(|_| "no room");
        assert!(key.is_ok_and(|key| slots.get_mut(key).is_some() && slots.remove(key).is_some()));
    })
}

/// One connection, with its peer and the context of a worker.
struct Scene {
    peer: Peer,
    connection: Connection<Memory>,
    cx: WorkerContext<Records>,
}

impl Scene {
    fn new(framing: Framing) -> Self {
        let peer = Peer::default();
        Self {
            connection: Connection::new(peer.stream(), address().into(), 1, 0),
            peer,
            cx: WorkerContext::new(echo(framing), Limits::SHIPPED, Records::new(0, framing)),
        }
    }

    /// Gives the connection a turn, and checks that it needs `next` then.
    fn turn(&mut self, event: Readiness, next: Next) {
        self.connection.mark(event);
        assert!(self.connection.drive(&mut self.cx) == Ok(next));
    }
}

/// Sends the chunks, with one event each. After the last one, the echo of all of them is complete.
fn exchange(framing: Framing, chunks: Vec<Vec<u8>>) -> Work {
    let mut scene = Scene::new(framing);
    Box::new(move || {
        for chunk in &chunks {
            scene.peer.uncounted_send(chunk);
            scene.turn(READABLE, Next::Wait);
        }
        assert!(scene.peer.uncounted_has_whole_echo());
    })
}

/// Sends lines to a connection that can echo half of them at once, and the rest with the next event.
fn short_write() -> Work {
    let (mut scene, lines) = (Scene::new(Framing::Line), lines());
    Box::new(move || {
        scene.peer.uncounted_limit_room(lines.len() / 2);
        scene.peer.uncounted_send(&lines);
        scene.turn(READABLE, Next::Watch(Interest::Writable));
        scene.peer.uncounted_limit_room(usize::MAX);
        scene.turn(Readiness::default(), Next::Watch(Interest::Readable));
        assert!(scene.peer.uncounted_has_whole_echo());
    })
}

/// A worker, its connections, and the registry that stands for the event queue.
struct Crowd {
    worker: Worker<Memory, Records>,
    registrar: Registrar,
    members: Vec<(Peer, Key)>,
}

impl Crowd {
    fn new(len: usize) -> Self {
        let rules = Rules {
            echo: echo(Framing::Line),
            idle_timeout_ms: None,
            linger_ms: 1_000,
            drain_timeout_ms: 5_000,
            limits: Limits::SHIPPED,
        };
        let mut crowd = Self {
            worker: Worker::new(&rules, Records::new(0, Framing::Line)),
            registrar: Registrar(None),
            members: vec![],
        };
        for _ in 0..len {
            let peer = Peer::default();
            let key = crowd.adopt(&peer);
            crowd.members.extend(key.map(|key| (peer, key)));
        }
        crowd
    }

    fn adopt(&mut self, peer: &Peer) -> Option<Key> {
        let accepted = Accepted { stream: peer.stream(), peer: address(), id: 1 };
        self.worker.adopt(accepted, &mut self.registrar);
        self.registrar.0.take()
    }

    /// Sends `line` to the first `count` connections, and gives the worker one turn.
    fn ping(&mut self, count: usize, line: &[u8]) {
        for (peer, key) in &self.members[..count] {
            peer.uncounted_send(line);
            self.worker.mark(*key, READABLE);
        }
        self.worker.drive(&mut self.registrar);
        for (peer, _) in &self.members[..count] {
            assert!(peer.uncounted_has_whole_echo());
        }
    }
}

fn pings(count: usize) -> Work {
    let (mut crowd, line) = (Crowd::new(count), line(128));
    Box::new(move || crowd.ping(count, &line))
}

fn ping_among_silent(count: usize) -> Work {
    let (mut crowd, line) = (Crowd::new(count), line(128));
    Box::new(move || crowd.ping(1, &line))
}

/// Adopts a connection beside an idle one. Its peer sends one line and finishes, so it is closed in the
/// same turn.
fn connection_with(line: &[u8]) -> Work {
    let (mut crowd, peer, line) = (Crowd::new(1), Peer::default(), line.to_vec());
    Box::new(move || {
        peer.uncounted_send(&line);
        peer.uncounted_finish();
        if let Some(key) = crowd.adopt(&peer) {
            crowd.worker.mark(key, Readiness { readable: true, read_until_blocked: true });
        }
        crowd.worker.drive(&mut crowd.registrar);
        assert!(peer.uncounted_has_whole_echo());
    })
}

const READABLE: Readiness = Readiness { readable: true, read_until_blocked: false };

fn address() -> SocketAddr {
    ([127, 0, 0, 1], 1).into()
}

/// A registry that only remembers the key of the stream that was registered last.
struct Registrar(Option<Key>);

impl Registry<Memory> for Registrar {
    fn register(&mut self, _: &mut Memory, key: Key, _: Interest) -> std::io::Result<()> {
        self.0 = Some(key);
        Ok(())
    }

    fn reregister(&mut self, _: &mut Memory, _: Key, _: Interest) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_work_can_be_repeated() {
        for (_, prepare) in ALL {
            let mut work = prepare();
            (0..3).for_each(|_| work());
        }
    }
}
