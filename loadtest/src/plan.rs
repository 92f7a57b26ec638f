//! What to do to which server: everything a run is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::samples::Samples;

/// A load. The defaults are those of the command line.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: SocketAddr,
    /// Connections at a time, over all agents; at least 1.
    pub connections: u32,
    /// Threads that drive them; at least 1. More than there are connections are not started.
    pub threads: u32,
    /// Lengths of the messages.
    pub sizes: Sizes,
    /// Messages in flight on a connection; at least 1.
    pub depth: u32,
    /// Messages that go out together; at least 1 and at most `depth`.
    pub send_burst: u32,
    /// When messages are sent.
    pub arrival: Arrival,
    /// New connections a second over all agents. `None`: all at once.
    pub connect_rate: Option<f64>,
    /// After so many messages a connection is finished and replaced. `None`: kept.
    pub messages_per_connection: Option<u64>,
    /// When to stop.
    pub limit: Limit,
    /// What comes before, and is not measured.
    pub warmup: Duration,
    /// The patience with a connect, and with each message.
    pub timeout: Duration,
    /// What the content and all chance follow from.
    pub seed: u64,
    /// Local addresses, in turn. Empty: the system chooses.
    pub source_ips: Vec<IpAddr>,
    /// Spin instead of sleeping.
    pub busy_poll: bool,
    /// CPUs that the threads may use, in turn. Empty: any.
    pub cpus: Vec<usize>,
    /// Which part of the load is ours.
    pub share: Share,
    /// When the load begins. `None`: as soon as all connections are there.
    pub start_at: Option<SystemTime>,
    /// How long a piece of the report is.
    pub interval: Duration,
    /// Where every single latency goes. `None`: nowhere.
    pub samples: Option<Arc<Samples>>,
}

impl Plan {
    /// The load that the command line's defaults make.
    #[must_use]
    pub fn new(target: SocketAddr, limit: Limit) -> Self {
        Self {
            target,
            connections: 50,
            threads: 1,
            sizes: Sizes::Range(128, 128),
            depth: 1,
            send_burst: 1,
            arrival: Arrival::Closed,
            connect_rate: None,
            messages_per_connection: None,
            limit,
            warmup: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            seed: 0,
            source_ips: vec![],
            busy_poll: false,
            cpus: vec![],
            share: Share::WHOLE,
            start_at: None,
            interval: Duration::from_secs(1),
            samples: None,
        }
    }

    /// The numbers of the connections that are ours: every `share.count`-th.
    pub(crate) fn our_connections(&self) -> impl Iterator<Item = u64> + use<> {
        (self.share.index..self.connections).step_by(self.share.count as usize).map(u64::from)
    }

    /// Of `count` messages those that are ours.
    pub(crate) fn our_part(&self, count: u64) -> u64 {
        part(count, self.share.index.into(), self.share.count.into())
    }

    /// Messages a second, over all agents, in an open loop.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        match self.arrival {
            Arrival::Closed => None,
            Arrival::Constant(rate) | Arrival::Poisson(rate) => Some(rate),
        }
    }
}

/// The `index`-th of `count` parts of a whole; the first ones take what does not divide evenly.
pub(crate) fn part(whole: u64, index: u64, count: u64) -> u64 {
    whole / count + u64::from(index < whole % count)
}

/// Lengths of messages in bytes, newline included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// From the first to the last, both at least 1, each as likely.
    Range(usize, usize),
    /// Messages in turn, each with its newline.
    Messages(Arc<Messages>),
}

/// Messages from a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Messages {
    /// Where they come from.
    pub file: String,
    /// Each with its newline, at least one.
    pub lines: Vec<Box<[u8]>>,
}

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrival {
    /// When an earlier one has come back.
    Closed,
    /// So many a second over all agents, evenly: positive and finite.
    Constant(f64),
    /// So many a second over all agents, by chance: positive and finite.
    Poisson(f64),
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// After this time, warm-up not counted.
    Duration(Duration),
    /// After so many messages over all agents, warm-up not counted.
    Count(u64),
}

/// One of several generators that share a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}
