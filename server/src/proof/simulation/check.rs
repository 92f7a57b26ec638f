//! What must hold of the simulated server after each turn, at rest, and at the end.

use std::ops::RangeInclusive;

use super::network::Network;
use super::oracle::due_len;
use super::setup::Setup;
use super::socket::{LATE_MS, Socket};
use super::world::World;
use crate::seams::close_reason::CloseReason;
use crate::seams::journal::Closing;
use crate::stats::Stats;

/// Minimum time for which the server waits for the peer's last acknowledgement, however short the
/// drain timeout is.
const DELIVERY_WAIT_MS: u64 = 250;

impl World {
    /// Checks what holds after each turn of a thread.
    pub(super) fn check_step(&self) {
        let network = self.network.borrow();
        let setup = network.setup;
        let mut open = 0;
        for socket in network.accepted_sockets() {
            open += u64::from(socket.is_open());
            let held_len = socket.read_to_echo - socket.echoed_len;
            assert!(held_len <= setup.max_held_len(), "a connection holds {held_len} bytes");
        }
        assert!(open <= setup.max_connections, "{open} connections are open");
        for stats in self.stats.iter().map(|stats| stats.snapshot()) {
            assert!(stats.closed <= stats.adopted && stats.sent <= stats.received, "{stats:?}");
        }
    }

    /// Checks a server at rest that was not asked to stop: nothing is left to happen.
    pub(super) fn check_rest(&self) {
        let network = self.network.borrow();
        let has_ended = |socket: &Socket| socket.fin || socket.broken.is_some();
        for socket in &network.sockets {
            let is_over = !socket.is_open() || socket.refused;
            let waits_for_peer = !has_ended(socket) && network.setup.idle_timeout_ms.is_none();
            assert!(is_over || waits_for_peer, "the server forgot {}", socket.describe());
        }
        let sum =
            |of: fn(&Socket) -> usize| network.accepted_sockets().map(of).sum::<usize>() as u64;
        let stats = self.total_stats();
        let counted = (stats.received, stats.sent, stats.adopted, stats.closed);
        let happened = (
            sum(|socket| socket.read_to_echo),
            sum(|socket| socket.echoed_len),
            sum(|_| 1),
            sum(|socket| usize::from(!socket.is_open())),
        );
        assert_eq!(counted, happened, "received, sent, adopted, closed");
    }

    /// Checks the open connections while every thread sleeps and no event waits to be reported.
    pub(super) fn check_quiet(&self) {
        let network = self.network.borrow();
        let Setup { framing, max_line_length, .. } = network.setup;
        for socket in network.accepted_sockets().filter(|socket| socket.is_open()) {
            socket.check_quiet(|input| due_len(framing, max_line_length, input));
        }
    }

    /// Checks the whole run after the server has ended.
    pub(super) fn check_end(&self) {
        assert!(self.is_over(), "a thread does not end");
        let network = self.network.borrow();
        let closings = sorted_closings(&network);
        for (socket, closing) in network.accepted_sockets().zip(&closings) {
            check_closing(&network, socket, closing);
        }
        let may_refuse = network.accept_failed_after_stop || !network.setup.is_roomy();
        for socket in network.sockets.iter().filter(|socket| socket.refused) {
            let is_justified = may_refuse || socket.came_after_stop || socket.was_aborted;
            assert!(is_justified, "the server refused {}", socket.describe());
        }
        check_counters(&network, &closings, self.total_stats());
    }

    fn total_stats(&self) -> Stats {
        self.stats.iter().map(|stats| stats.snapshot()).sum()
    }
}

/// Returns the accounts in the order in which the connections were accepted, after a check that each
/// connection has exactly one.
fn sorted_closings(network: &Network) -> Vec<Closing> {
    let mut closings = network.closings.clone();
    closings.sort_unstable_by_key(|(id, _)| *id);
    let (ids, closings): (Vec<u64>, Vec<Closing>) = closings.into_iter().unzip();
    let expected_ids: Vec<u64> = (1..=network.accepted.len() as u64).collect();
    assert_eq!(ids, expected_ids, "each accepted connection ends once");
    closings
}

/// Checks one connection's account.
fn check_closing(network: &Network, socket: &Socket, closing: &Closing) {
    let Closing { reason, received, sent, .. } = *closing;
    let moved = (socket.read_to_echo as u64, socket.echoed_len as u64);
    assert_eq!((received, sent), moved, "the account of {}", socket.describe());
    check_in_time(network, socket, reason);
    check_reason(network, socket, reason);
    if matches!(reason, CloseReason::Finished | CloseReason::Shutdown)
        && !began_end_before_stop(network, socket)
    {
        let has_read_all = socket.read_to_echo >= socket.input_len_at_stop;
        assert!(has_read_all, "the server left bytes unread at the stop of {}", socket.describe());
    }
}

/// Checks that the reason for the end of a connection is true.
fn check_reason(network: &Network, socket: &Socket, reason: CloseReason) {
    let Setup { idle_timeout_ms, linger_ms, drain_timeout_ms, .. } = network.setup;
    let closed_ms = socket.closed_at_ms.unwrap();
    let has_passed = |start_ms: Option<u64>, wait_ms: u64| {
        start_ms.is_some_and(|start_ms| closed_ms >= start_ms + wait_ms)
    };
    let has_drained = has_passed(network.stopped_at_ms, drain_timeout_ms);
    let has_lingered = socket.fin || has_passed(socket.finished_at_ms, linger_ms);
    // The server may cut a connection that lacks only an acknowledgement, but must wait for it first.
    let may_cut =
        socket.finished_at_ms.is_none() || has_passed(socket.finished_at_ms, DELIVERY_WAIT_MS);
    let (is_true, meaning) = match reason {
        CloseReason::Finished => {
            (socket.is_complete(), "the peer has finished and has everything back")
        }
        CloseReason::Reset => (socket.broken.is_some(), "the connection is broken"),
        CloseReason::Failed => (socket.watch_failed, "the connection cannot be watched"),
        CloseReason::Idle if socket.finished_at_ms.is_some() => {
            (has_lingered, "the peer had time to finish")
        }
        CloseReason::Idle if socket.end_began_at_ms.is_some() => {
            (has_passed(socket.end_began_at_ms, linger_ms), "the peer had time to take its bytes")
        }
        CloseReason::Idle => (
            socket.fin && has_passed(Some(socket.moved_at_ms), idle_timeout_ms.unwrap()),
            "nothing moved for the idle timeout",
        ),
        CloseReason::Shutdown => (
            socket.finished_at_ms.is_some() && socket.is_acked() && (has_lingered || has_drained),
            "the peer has everything that had arrived",
        ),
        CloseReason::Cut => (
            has_drained && socket.is_owed() && may_cut,
            "the drain timeout has passed while bytes were owed",
        ),
    };
    assert!(
        is_true,
        "closed at {closed_ms} as {reason:?}, but it is not true that {meaning}: {}",
        socket.describe()
    );
}

/// Checks that the server closed a connection no later than its deadlines allow.
fn check_in_time(network: &Network, socket: &Socket, reason: CloseReason) {
    let Setup { linger_ms, drain_timeout_ms, idle_timeout_ms, .. } = network.setup;
    let stopped_ms = network.listener_closed_at_ms.unwrap();
    let drained_ms = stopped_ms + drain_timeout_ms + DELIVERY_WAIT_MS;
    let lingered_ms = socket.finished_at_ms.map(|at_ms| at_ms + linger_ms);
    let deadline_ms = match reason {
        CloseReason::Idle if socket.finished_at_ms.is_some() => lingered_ms,
        CloseReason::Idle if socket.end_began_at_ms.is_some() => {
            socket.end_began_at_ms.map(|at_ms| at_ms + linger_ms)
        }
        CloseReason::Idle => idle_timeout_ms.map(|limit_ms| socket.alive_at_ms() + 2 * limit_ms),
        CloseReason::Shutdown => lingered_ms.max(Some(socket.acked_at_ms)),
        CloseReason::Cut => Some(drained_ms),
        CloseReason::Finished | CloseReason::Reset | CloseReason::Failed => None,
    };
    let closed_ms = socket.closed_at_ms.unwrap();
    let latest_ms = deadline_ms.unwrap_or(u64::MAX).min(drained_ms) + LATE_MS;
    assert!(
        closed_ms <= latest_ms,
        "closed at {closed_ms} instead of {latest_ms}: {}",
        socket.describe()
    );
}

/// Returns whether the server began to end the connection before it was asked to stop.
fn began_end_before_stop(network: &Network, socket: &Socket) -> bool {
    let times = socket.end_began_at_ms.zip(network.stopped_at_ms);
    times.is_some_and(|(end_began_ms, stopped_ms)| end_began_ms <= stopped_ms)
}

/// Checks the server's counters against what happened at the sockets.
fn check_counters(network: &Network, closings: &[Closing], stats: Stats) {
    let accepted = || network.accepted_sockets();
    let count = |wanted: CloseReason| {
        closings.iter().filter(|closing| closing.reason == wanted).count() as u64
    };
    let is_failed = |(socket, closing): &(&Socket, &Closing)| match closing.reason {
        CloseReason::Reset => socket.read_to_echo > 0,
        reason => reason == CloseReason::Failed,
    };
    let messages = possible_messages(network);
    assert!(messages.contains(&stats.messages), "{messages:?} {stats:?}");
    let expected = Stats {
        adopted: network.accepted.len() as u64,
        closed: network.accepted.len() as u64,
        probes: accepted().filter(|socket| socket.read_to_echo == 0).count() as u64,
        received: accepted().map(|socket| socket.read_to_echo as u64).sum(),
        sent: accepted().map(|socket| socket.echoed_len as u64).sum(),
        failed: accepted().zip(closings).filter(is_failed).count() as u64,
        idle: count(CloseReason::Idle),
        cut: count(CloseReason::Cut),
        messages: stats.messages,
        not_shown: stats.not_shown,
    };
    assert_eq!(stats, expected);
}

/// Returns how many messages the server may have counted.
///
/// Each line is a message. An unfinished line becomes a message only when the server has come to the
/// end of the input, which it may not have done before the connection broke or was cut.
fn possible_messages(network: &Network) -> RangeInclusive<u64> {
    let newlines = |socket: &Socket| bytes_read(socket).iter().filter(|&&b| b == b'\n').count();
    let is_unfinished =
        |socket: &&Socket| bytes_read(socket).last().is_some_and(|&byte| byte != b'\n');
    let came_to_end = |socket: &&Socket| {
        socket.finished_at_ms.is_some() || socket.is_complete() && !socket.watch_failed
    };
    let lines: u64 = network.accepted_sockets().map(|socket| newlines(socket) as u64).sum();
    let unfinished = || network.accepted_sockets().filter(is_unfinished);
    lines + unfinished().filter(came_to_end).count() as u64..=lines + unfinished().count() as u64
}

fn bytes_read(socket: &Socket) -> &[u8] {
    &socket.input[..socket.read_to_echo]
}
