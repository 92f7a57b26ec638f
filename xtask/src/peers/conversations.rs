//! The conversations that every peer must get right before it is measured. Each byte comes back in
//! order, also to clients that read late, finish early or are many, and no client disturbs another.

use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

use benchmark::peers::Bytes;
use echo_common::descriptors;
use echo_loadtest::engine::{self, Stop};
use echo_loadtest::plan::{Limit, Plan, Sizes};
use echo_tests::peer;
use echo_tests::random::Random;

use crate::load::Session;

/// Maximum length of a line that the servers for lines accept, newline included.
const MAX_LINE_LEN: usize = 64 * 1024;

/// Length of a text that is longer than the socket buffers of both sides together.
const TEXT_LEN: usize = 16 << 20;

/// Length of a receive buffer so small that most sends of the server are short.
const SMALL_BUFFER_LEN: usize = 128 * 1024;

/// Maximum number of connections at a time.
const CROWD: u64 = 10_000;

/// Number of descriptors that this process needs for other things.
const OTHER_DESCRIPTORS: u64 = 100;

/// Has all conversations with a server.
///
/// # Panics
/// If other bytes come back than were sent, or none in time.
#[track_caller]
pub(super) fn have_all(server: SocketAddr, bytes: Bytes) {
    finish_early(server, bytes);
    let stuck = (bytes == Bytes::Any).then(|| {
        let session = Session::connect(server, 1);
        let content = session.stuff(&mut Random::new());
        (session, content)
    });
    read_late(server);
    load(pipelined(server));
    load(crowded(server));
    if let Some((session, content)) = stuck {
        session.unstuff(content);
    }
}

/// Finishes the sending side at once, after no byte and after a few; and resets connections.
#[track_caller]
fn finish_early(server: SocketAddr, bytes: Bytes) {
    let little = match bytes {
        Bytes::Any => "a rest without newline",
        Bytes::Lines => "a line\n",
    };
    for sent in ["", little] {
        let stream = peer::connect(server);
        peer::send(&stream, sent);
        peer::assert_same(&peer::finish(&stream), sent.as_bytes());
        let broken = peer::connect(server);
        peer::send(&broken, sent);
        peer::reset(broken);
    }
}

/// Sends lines of all lengths and finishes, with a receive buffer for only a few of them.
#[track_caller]
fn read_late(server: SocketAddr) {
    let text = text();
    let stream = peer::connect_with_buffer(server, SMALL_BUFFER_LEN);
    let received = thread::scope(|scope| {
        scope.spawn(|| {
            peer::send(&stream, &text);
            stream.shutdown(Shutdown::Write).expect("the connection lives");
        });
        peer::rest(&stream)
    });
    peer::assert_same(&received, text.as_bytes());
}

fn text() -> String {
    let mut random = Random::new();
    let mut text = String::with_capacity(TEXT_LEN + MAX_LINE_LEN);
    while text.len() < TEXT_LEN {
        let letter = char::from(b'a' + u8::try_from(random.up_to(25)).unwrap());
        let len = random.up_to(MAX_LINE_LEN - 1);
        text.extend(std::iter::repeat_n(letter, len));
        text.push('\n');
    }
    text
}

/// Returns a load on a few connections with several messages in flight. Each connection ends after 50
/// messages.
fn pipelined(server: SocketAddr) -> Plan {
    Plan {
        connections: 8,
        sizes: Sizes::Range(1, MAX_LINE_LEN),
        depth: 16,
        send_burst: 4,
        messages_per_connection: Some(50),
        ..plan(server, 800)
    }
}

/// Returns a load on as many connections as the limit on descriptors allows, up to [`CROWD`].
fn crowded(server: SocketAddr) -> Plan {
    let limit = descriptors::raise_limit().unwrap_or(u64::MAX);
    let connections = limit.saturating_sub(OTHER_DESCRIPTORS).min(CROWD);
    let sizes = Sizes::Range(1, 100);
    Plan { connections: connections as u32, sizes, ..plan(server, 2 * connections) }
}

fn plan(server: SocketAddr, messages: u64) -> Plan {
    let timeout = Duration::from_secs(30);
    Plan { warmup: Duration::ZERO, timeout, ..Plan::new(server, Limit::Count(messages)) }
}

#[track_caller]
fn load(plan: Plan) {
    let report = engine::run(&plan, &Stop::default(), &mut ()).unwrap();
    assert_eq!(report.errors.total(), 0, "{:#?}", report.findings);
    assert_eq!(Some(report.messages.verified), report.messages.asked);
}
