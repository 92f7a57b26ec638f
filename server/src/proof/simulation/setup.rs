//! The settings of one run of the simulation: the server's configuration, its limits, and how the run
//! ends.

use std::num::NonZeroUsize;

use super::dice::Dice;
use crate::echo::{Echo, Framing};
use crate::limits::Limits;
use crate::threads::assemble::Plan;
use crate::worker::Rules;

/// A server that can have this many connections has room for all connections of a run.
const ROOMY: usize = 1_000;

/// Limits that are so small that a short run reaches them. Three of four runs use them. The fourth
/// uses [`Limits::SHIPPED`], so that the server is also simulated exactly as it ships.
const SMALL: Limits =
    Limits { read_buffer_len: 64 * 1024, long_turn_len: 512, bulk_share: 1_024, max_mail: 2 };

/// The settings of one run. The dice choose them before anything else happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    pub(super) framing: Framing,
    pub(super) max_line_length: usize,
    pub(super) workers: usize,
    channel_capacity: usize,
    pub(super) max_connections: u64,
    /// Maximum number of connections for which the simulated system has descriptors.
    pub(super) max_descriptors: usize,
    pub(super) idle_timeout_ms: Option<u64>,
    pub(super) linger_ms: u64,
    pub(super) drain_timeout_ms: u64,
    pub(super) ending: Ending,
    /// Either [`SMALL`] or [`Limits::SHIPPED`].
    pub(super) limits: Limits,
}

/// How the run goes on after its last random step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Every peer finishes its side.
    PeersFinish,
    /// Nobody does anything. If there is an idle timeout, it ends the connections.
    Idle,
    /// The server is asked to stop.
    Shutdown,
}

impl Setup {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            framing: dice.pick(&[Framing::Line, Framing::Line, Framing::Line, Framing::Raw]),
            max_line_length: dice.pick(&[65_536, 1_000, 64, 7, 2, 1]),
            workers: 1 + dice.below(3),
            channel_capacity: dice.pick(&[100, 400, 1, 2]),
            max_connections: dice.pick(&[1_000, 1_000, 1, 2, 4]),
            max_descriptors: dice.pick(&[1_000, 1_000, 1, 3]),
            idle_timeout_ms: dice.pick(&[None, Some(100), Some(1_500), Some(10_000)]),
            linger_ms: 1_000,
            drain_timeout_ms: dice.pick(&[5_000, 5_000, 400, 0]),
            ending: dice.pick(&[Ending::PeersFinish, Ending::Idle, Ending::Shutdown]),
            limits: dice.pick(&[SMALL, SMALL, SMALL, Limits::SHIPPED]),
        }
    }

    /// Returns whether the server has room for all connections of a run.
    pub(super) fn is_roomy(&self) -> bool {
        self.max_connections >= ROOMY as u64 && self.max_descriptors >= ROOMY
    }

    /// Returns the maximum number of bytes that a connection may hold: one line and one read.
    pub(super) fn max_held_len(&self) -> usize {
        self.max_line_length + self.limits.read_buffer_len
    }

    pub(super) fn plan(&self) -> Plan {
        Plan {
            num_workers: self.workers,
            channel_capacity: self.channel_capacity,
            max_connections: self.max_connections,
            backlog: 4_096,
            rules: Rules {
                echo: Echo::new(self.framing, NonZeroUsize::new(self.max_line_length).unwrap()),
                idle_timeout_ms: self.idle_timeout_ms,
                linger_ms: self.linger_ms,
                drain_timeout_ms: self.drain_timeout_ms,
                limits: self.limits,
            },
        }
    }
}
