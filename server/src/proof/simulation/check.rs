//! What must hold of a simulated server: after each step, at rest, and at the end.

use super::network::Network;
use super::oracle::due_len;
use super::setup::Setup;
use super::socket::{LATE_MS, Socket};
use super::world::World;
use crate::seams::close_reason::CloseReason;
use crate::seams::journal::Closing;
use crate::stats::Stats;

/// The peer's acknowledgement is waited for at least this long.
const DELIVERY_WAIT_MS: u64 = 250;

impl World {
    pub(super) fn check_step(&self) {
        let network = self.network.borrow();
        let mut open = 0;
        for socket in network.accepted.iter().map(|&number| &network.sockets[number]) {
            open += u64::from(socket.is_open());
            let held = socket.read_to_echo - socket.echoed_len;
            assert!(held <= self.setup.max_held_len(), "holds {held} bytes");
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
        let accepted = || network.accepted.iter().map(|&number| &network.sockets[number]);
        let sum = |of: fn(&Socket) -> usize| accepted().map(of).sum::<usize>() as u64;
        let stats: Stats = self.stats.iter().map(|stats| stats.snapshot()).sum();
        let counted = (stats.received, stats.sent, stats.adopted, stats.closed);
        let happened = (
            sum(|socket| socket.read_to_echo),
            sum(|socket| socket.echoed_len),
            sum(|_| 1),
            sum(|socket| usize::from(!socket.is_open())),
        );
        assert_eq!(counted, happened, "received, sent, adopted, closed");
    }

    /// Every thread sleeps, and no event waits to be told.
    pub(super) fn check_quiet(&self) {
        let network = self.network.borrow();
        let Setup { framing, max_line_length, .. } = self.setup;
        let accepted = network.accepted.iter().map(|&number| &network.sockets[number]);
        for socket in accepted.filter(|socket| socket.is_open()) {
            socket.check_quiet(|sent| due_len(framing, max_line_length, sent));
        }
    }

    /// The server is gone.
    pub(super) fn check_end(&self) {
        assert!(self.is_over(), "a thread does not end");
        let network = self.network.borrow();
        let mut closed = network.closed.clone();
        closed.sort_unstable_by_key(|(id, _)| *id);
        let (ids, closed): (Vec<u64>, Vec<Closing>) = closed.into_iter().unzip();
        let expected: Vec<u64> = (1..=network.accepted.len() as u64).collect();
        assert_eq!(ids, expected, "each accepted connection ends once");
        for (closed, &number) in closed.iter().zip(&network.accepted) {
            self.check_closed(&network, &network.sockets[number], closed);
        }
        // Not served are those that the system lost, and at the limit those that still waited.
        let may_refuse = network.starved_at_stop || !self.setup.is_roomy();
        for socket in network.sockets.iter().filter(|socket| socket.refused) {
            assert!(
                may_refuse || socket.is_late || socket.was_aborted,
                "refused {}",
                socket.describe()
            );
        }
        check_counters(&network, &closed, self.stats.iter().map(|stats| stats.snapshot()).sum());
    }

    fn check_closed(&self, network: &Network, socket: &Socket, closed: &Closing) {
        let Closing { reason, received, sent, .. } = *closed;
        let bytes = (socket.read_to_echo as u64, socket.echoed_len as u64);
        assert_eq!((received, sent), bytes, "told of {}", socket.describe());
        let closed_ms = socket.closed_at_ms.unwrap();
        let is_after =
            |at_ms: Option<u64>, by_ms: u64| at_ms.is_some_and(|at_ms| closed_ms >= at_ms + by_ms);
        let linger_ms = self.setup.linger_ms;
        let drained = is_after(network.stopped_at_ms, self.setup.drain_timeout_ms);
        let lingered = socket.fin || is_after(socket.finished_at_ms, linger_ms);
        // Bytes are missing; or nothing but the acknowledgement.
        let is_short = socket.finished_at_ms.is_none();
        let was_waited_for = is_after(socket.finished_at_ms, DELIVERY_WAIT_MS);
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
                socket.finished_at_ms.is_some() && socket.is_acked() && (lingered || drained),
                "the peer has everything that had arrived",
            ),
            CloseReason::Cut => (
                drained && socket.is_owed() && (is_short || was_waited_for),
                "the drain timeout has passed while bytes were owed",
            ),
        };
        self.check_in_time(network, socket, closed);
        assert!(as_promised, "{reason:?}, but not: {why}; at {closed_ms}: {}", socket.describe());
        if matches!(reason, CloseReason::Finished | CloseReason::Shutdown)
            && !is_before(socket.ended_at_ms, network.stopped_at_ms)
        {
            let had_arrived = socket.sent_at_stop;
            assert!(socket.read_to_echo >= had_arrived, "unread at the stop {}", socket.describe());
        }
    }
}

impl World {
    /// No patience lasts longer than it should.
    fn check_in_time(&self, network: &Network, socket: &Socket, closed: &Closing) {
        let Setup { linger_ms, drain_timeout_ms, .. } = self.setup;
        let stopped_ms = network.listener_closed_at_ms.unwrap();
        let drained_ms = stopped_ms + drain_timeout_ms + DELIVERY_WAIT_MS;
        let lingered_ms = socket.finished_at_ms.map(|at_ms| at_ms + linger_ms);
        let by_ms = match closed.reason {
            CloseReason::Idle if socket.finished_at_ms.is_some() => lingered_ms,
            CloseReason::Idle if socket.ended_at_ms.is_some() => {
                socket.ended_at_ms.map(|at_ms| at_ms + linger_ms)
            }
            CloseReason::Idle => {
                self.setup.idle_timeout_ms.map(|limit_ms| socket.alive_at_ms() + 2 * limit_ms)
            }
            CloseReason::Shutdown => lingered_ms.max(Some(socket.acked_at_ms)),
            CloseReason::Cut => Some(drained_ms),
            CloseReason::Finished | CloseReason::Reset | CloseReason::Failed => None,
        };
        let closed_ms = socket.closed_at_ms.unwrap();
        let latest_ms = by_ms.unwrap_or(u64::MAX).min(drained_ms.max(stopped_ms)) + LATE_MS;
        assert!(closed_ms <= latest_ms, "late: {closed_ms} for {latest_ms} {}", socket.describe());
    }
}

/// Whether the server began to end the connection before it was told to stop.
fn is_before(ended_at_ms: Option<u64>, stopped_at_ms: Option<u64>) -> bool {
    ended_at_ms.zip(stopped_at_ms).is_some_and(|(ended, stopped)| ended <= stopped)
}

fn check_counters(network: &Network, closed: &[Closing], stats: Stats) {
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
    let is_failed = |(socket, closed): &(&Socket, &Closing)| match closed.reason {
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
