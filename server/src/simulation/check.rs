//! What must hold of a simulated server: after each step, at rest, and at the end.

use super::network::Network;
use super::oracle::due_len;
use super::socket::Socket;
use super::world::World;
use crate::close_reason::CloseReason;
use crate::connection::Closed;
use crate::stats::Stats;

/// A connection holds at most one line and this.
const MAX_READ_LEN: usize = 64 * 1024;

impl World {
    pub(super) fn check_step(&self) {
        let network = self.network.borrow();
        let mut open = 0;
        for socket in network.accepted.iter().map(|&number| &network.sockets[number]) {
            open += u64::from(socket.is_open());
            let held = socket.read_to_echo - socket.echoed_len;
            assert!(held <= self.setup.max_line_length + MAX_READ_LEN, "holds {held} bytes");
        }
        assert!(open <= self.setup.max_connections, "{open} connections");
        for stats in self.stats.iter().map(|stats| stats.snapshot()) {
            assert!(stats.closed <= stats.adopted && stats.sent <= stats.received, "{stats:?}");
        }
    }

    /// Nothing is left to happen, and the server was not told to stop.
    pub(super) fn check_rest(&self) {
        let network = self.network.borrow();
        let has_ended = |socket: &Socket| socket.fin || socket.broken.is_some();
        for socket in &network.sockets {
            let is_served = !socket.is_open() || socket.refused;
            let waits_for_peer = !has_ended(socket) && self.setup.idle_timeout_ms.is_none();
            assert!(is_served || waits_for_peer, "forgotten {}", socket.describe());
        }
        let accepted = network.accepted.iter().map(|&number| &network.sockets[number]);
        for socket in accepted.filter(|socket| socket.is_open()) {
            assert_eq!(socket.read_len, socket.sent.len(), "not read {}", socket.describe());
            let due_len = due_len(self.setup.framing, self.setup.max_line_length, &socket.sent);
            assert_eq!(socket.echoed_len, due_len, "bytes are owed {}", socket.describe());
        }
        drop(network);
        assert!(self.is_at_rest(), "a timer without a connection");
    }

    /// The server is gone.
    pub(super) fn check_end(&self) {
        assert!(self.is_over(), "a thread does not end");
        let network = self.network.borrow();
        let mut closed = self.closed.clone();
        closed.sort_unstable_by_key(|closed| closed.id);
        let ids: Vec<u64> = closed.iter().map(|closed| closed.id).collect();
        let expected: Vec<u64> = (1..=network.accepted.len() as u64).collect();
        assert_eq!(ids, expected, "each accepted connection ends once");
        for (closed, &number) in closed.iter().zip(&network.accepted) {
            self.check_closed(&network, &network.sockets[number], closed);
        }
        // Not served are those that the system lost, and at the limit those that still waited.
        let may_refuse = network.starved_at_stop || !self.setup.is_roomy();
        for socket in network.sockets.iter().filter(|socket| socket.refused) {
            assert!(may_refuse || socket.was_aborted, "refused {}", socket.describe());
        }
        check_counters(&network, &closed, self.stats.iter().map(|stats| stats.snapshot()).sum());
    }

    fn check_closed(&self, network: &Network, socket: &Socket, closed: &Closed) {
        let Closed { reason, received, sent, .. } = *closed;
        let bytes = (socket.read_to_echo as u64, socket.echoed_len as u64);
        assert_eq!((received, sent), bytes, "told of {}", socket.describe());
        let closed_ms = socket.closed_at_ms.unwrap();
        let is_after =
            |at_ms: Option<u64>, by_ms: u64| at_ms.is_some_and(|at_ms| closed_ms >= at_ms + by_ms);
        let linger_ms = self.setup.linger_ms;
        let drained = is_after(network.stopped_at_ms, self.setup.drain_timeout_ms);
        let lingered = socket.fin || is_after(socket.finished_at_ms, linger_ms);
        let (as_promised, why) = match reason {
            CloseReason::Finished => {
                (socket.is_complete(), "the peer has finished and has everything back")
            }
            CloseReason::Reset => (socket.broken.is_some(), "the connection is broken"),
            CloseReason::Failed => (socket.watch_failed, "it cannot be watched"),
            CloseReason::Idle if socket.finished_at_ms.is_some() => {
                (lingered, "the peer had time to finish")
            }
            CloseReason::Idle if socket.ended_at_ms.is_some() => {
                (is_after(socket.ended_at_ms, linger_ms), "the peer had time to take its bytes")
            }
            CloseReason::Idle => (
                socket.fin
                    && is_after(Some(socket.moved_at_ms), self.setup.idle_timeout_ms.unwrap()),
                "nothing moved for the idle timeout",
            ),
            CloseReason::Shutdown => (
                socket.finished_at_ms.is_some() && socket.acknowledged && (lingered || drained),
                "the peer has everything that had arrived",
            ),
            CloseReason::Cut => {
                (drained && socket.is_owed(), "the drain timeout has passed while bytes were owed")
            }
        };
        assert!(as_promised, "{reason:?}, but not: {why}; at {closed_ms}: {}", socket.describe());
        if matches!(reason, CloseReason::Finished | CloseReason::Shutdown)
            && !is_before(socket.ended_at_ms, network.stopped_at_ms)
        {
            let had_arrived = socket.sent_at_stop;
            assert!(socket.read_to_echo >= had_arrived, "unread at the stop {}", socket.describe());
        }
    }
}

/// Whether the server began to end the connection before it was told to stop.
fn is_before(ended_at_ms: Option<u64>, stopped_at_ms: Option<u64>) -> bool {
    ended_at_ms.zip(stopped_at_ms).is_some_and(|(ended, stopped)| ended <= stopped)
}

fn check_counters(network: &Network, closed: &[Closed], stats: Stats) {
    let accepted = || network.accepted.iter().map(|&number| &network.sockets[number]);
    let count =
        |wanted: CloseReason| closed.iter().filter(|closed| closed.reason == wanted).count() as u64;
    let newlines = |socket: &Socket| bytes_read(socket).iter().filter(|&&b| b == b'\n').count();
    let has_rest = |socket: &Socket| bytes_read(socket).last().is_some_and(|&byte| byte != b'\n');
    let lines: u64 = accepted().map(|socket| newlines(socket) as u64).sum();
    let rests = accepted().filter(|socket| has_rest(socket)).count() as u64;
    // The rest of a line is a message once the stream has ended, which not all have come to.
    let came_to_end = |socket: &Socket| {
        socket.finished_at_ms.is_some() || socket.is_complete() && !socket.watch_failed
    };
    let due_rests = accepted().filter(|socket| has_rest(socket) && came_to_end(socket)).count();
    let messages = lines + due_rests as u64..=lines + rests;
    assert!(messages.contains(&stats.messages), "{messages:?} {stats:?}");
    let is_failed = |(socket, closed): &(&Socket, &Closed)| match closed.reason {
        CloseReason::Reset => socket.read_to_echo > 0,
        reason => reason == CloseReason::Failed,
    };
    let expected = Stats {
        adopted: network.accepted.len() as u64,
        closed: network.accepted.len() as u64,
        probes: accepted().filter(|socket| socket.read_to_echo == 0).count() as u64,
        received: accepted().map(|socket| socket.read_to_echo as u64).sum(),
        sent: accepted().map(|socket| socket.echoed_len as u64).sum(),
        failed: accepted().zip(closed).filter(is_failed).count() as u64,
        idle: count(CloseReason::Idle),
        cut: count(CloseReason::Cut),
        messages: stats.messages,
        not_shown: stats.not_shown,
    };
    assert_eq!(stats, expected);
}

fn bytes_read(socket: &Socket) -> &[u8] {
    &socket.sent[..socket.read_to_echo]
}
