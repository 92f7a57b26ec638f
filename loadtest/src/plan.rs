//! What to do to which server: everything a run is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::report::samples_file::SamplesFile;

/// Whether this system tells what [`Plan::kernel_timestamps`] asks for.
pub const KERNEL_TIMESTAMPS: bool = cfg!(target_os = "linux");

/// A load. For the defaults see [`Plan::new`].
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
    /// After so many messages a connection is finished and replaced; in an open loop after so many
    /// whole bursts that it has had them. `None`: kept.
    pub messages_per_connection: Option<u64>,
    /// When to stop.
    pub limit: Limit,
    /// What comes before, and is not measured.
    pub warmup: Duration,
    /// The patience with a connect, and with each message. When messages are counted, also with a
    /// server to which no connection can be made any more.
    pub timeout: Duration,
    /// What the content and all chance follow from.
    pub seed: u64,
    /// Local addresses, in turn. Empty: the system chooses.
    pub source_ips: Vec<IpAddr>,
    /// Spin instead of sleeping.
    pub busy_poll: bool,
    /// A message is back when the system received it, not when it was read; on Linux only. A flood's
    /// are not timed.
    pub kernel_timestamps: bool,
    /// CPUs that the threads may use, in turn. Empty: any.
    pub cpus: Vec<usize>,
    /// The threads leave a CPU to whoever else wants it; on Linux only. A flood's do so in any case where
    /// those beside it sleep until a message is due.
    pub gives_way: bool,
    /// Which part of the load is ours.
    pub share: Share,
    /// When the load begins. `None`: as soon as all connections are there.
    pub start_at: Option<SystemTime>,
    /// How long a piece of the report is.
    pub interval: Duration,
    /// Where every single latency goes. `None`: nowhere.
    pub samples: Option<Arc<SamplesFile>>,
    /// What the server has to cope with besides. `None`: nothing.
    pub flood: Option<Flood>,
}

impl Plan {
    /// The load of the command line's defaults, but on one thread and with the seed 0: the command line
    /// takes these two from the machine and from chance.
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
            kernel_timestamps: false,
            cpus: vec![],
            gives_way: false,
            share: Share::WHOLE,
            start_at: None,
            interval: Duration::from_secs(1),
            samples: None,
            flood: None,
        }
    }

    /// Whether it can be carried out at all.
    ///
    /// # Errors
    /// A sentence that says what makes no sense.
    pub fn check(&self) -> Result<(), String> {
        let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
        let sizes_make_sense = match &self.sizes {
            Sizes::Range(min, max) => (1..=*max).contains(min),
            Sizes::Messages(messages) => {
                !messages.lines.is_empty()
                    && messages.lines.iter().all(|line| line.ends_with(b"\n"))
            }
        };
        let demands = [
            (self.connections > 0, "a load needs a connection"),
            (self.threads > 0, "a load needs a thread"),
            (
                sizes_make_sense,
                "a message ends with a newline, there is at least one, and no range goes down",
            ),
            (
                (1..=self.depth).contains(&self.send_burst),
                "a burst has at least one message, and no more than may be in flight",
            ),
            (self.messages_per_connection != Some(0), "a connection needs a message"),
            (self.rate().is_none_or(is_rate), "a rate is above 0"),
            (self.connect_rate.is_none_or(is_rate), "a rate of connects is above 0"),
            (
                KERNEL_TIMESTAMPS || !self.kernel_timestamps,
                "only Linux tells when it received what came back",
            ),
            (self.share.index < self.share.count, "agents are numbered from 0"),
            (
                self.flood.is_none_or(|flood| flood.connections > 0 && flood.depth > 0),
                "a flood has at least one connection, with at least one message in flight",
            ),
            (
                self.flood.is_none_or(|flood| flood.size > 0),
                "each message of a flood ends with a newline",
            ),
        ];
        match demands.iter().find(|(is_met, _)| !is_met) {
            Some((_, sentence)) => Err((*sentence).to_owned()),
            None => Ok(()),
        }
    }

    /// The numbers of the connections that are ours: every `share.count`-th.
    #[must_use]
    pub fn our_connections(&self) -> impl ExactSizeIterator<Item = u64> + Clone + use<> {
        (self.share.index..self.connections).step_by(self.share.count as usize).map(u64::from)
    }

    /// Of `count` messages those of these connections: each has as many as any other, so that all
    /// are done at the same time.
    #[must_use]
    pub fn part_of(&self, count: u64, connections: impl Iterator<Item = u64>) -> u64 {
        connections.map(|number| part(count, number, self.connections.into())).sum()
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
fn part(whole: u64, index: u64, count: u64) -> u64 {
    whole / count + u64::from(index < whole % count)
}

/// Connections that flood the server from before the run connects until the end of the measured part:
/// each sends a line as soon as one is back. All are verified; their times are not among the run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// How many, over all agents; at least one for each.
    pub connections: u32,
    /// The length of a line, newline included; at least 1.
    pub size: usize,
    /// Lines in flight on each; at least 1.
    pub depth: u32,
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
