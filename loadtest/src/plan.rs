//! The plan of a run: which server gets which load, and how it is measured.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::report::samples_file::SamplesFile;

/// Whether this system has what [`Plan::kernel_timestamps`] asks for.
pub const KERNEL_TIMESTAMPS: bool = cfg!(target_os = "linux");

/// Whether a plan keeps a rule, and the rule in words.
type Rule = (bool, &'static str);

/// A load. [`Plan::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: SocketAddr,
    /// Number of connections that are open at a time, over all agents; at least 1.
    pub connections: u32,
    /// Number of threads that drive them; at least 1. No more threads are started than there are
    /// connections.
    pub threads: u32,
    /// The lengths of the messages.
    pub sizes: Sizes,
    /// Maximum number of messages in flight on a connection; at least 1.
    pub depth: u32,
    /// Number of messages that are sent together; at least 1 and at most `depth`.
    pub send_burst: u32,
    /// When messages are sent.
    pub arrival: Arrival,
    /// New connections a second, over all agents. `None`: all at once.
    pub connect_rate: Option<f64>,
    /// Number of messages after which a connection is finished and replaced. In an open loop a burst is
    /// not divided. `None`: connections are kept.
    pub messages_per_connection: Option<u64>,
    /// What ends the measured part.
    pub limit: Limit,
    /// How long the server is under load before the measured part.
    pub warmup: Duration,
    /// How long to wait for a connection, and for each reply. If messages are counted, also how long to
    /// wait for a server to which no connection can be made any more.
    pub timeout: Duration,
    /// Seed of the content and of all randomness.
    pub seed: u64,
    /// Local addresses that connections take in turn. Empty: the system chooses.
    pub source_ips: Vec<IpAddr>,
    /// The threads spin instead of sleeping.
    pub busy_poll: bool,
    /// A message is back when the system received it, not when it was read. On Linux only.
    pub kernel_timestamps: bool,
    /// CPUs that the threads take in turn. Empty: any.
    pub cpus: Vec<usize>,
    /// The threads leave a CPU to any other thread that wants it. On Linux only. The threads of a flood
    /// do so in any case if the run's own threads sleep until a message is due.
    pub gives_way: bool,
    /// The part of the load that is ours.
    pub share: Share,
    /// When the load begins. `None`: as soon as all connections have been tried.
    pub start_at: Option<SystemTime>,
    /// The length of a piece of the report.
    pub interval: Duration,
    /// The file for the times of every message, if there is one.
    pub samples: Option<Arc<SamplesFile>>,
    /// The flood beside the load, if there is one.
    pub flood: Option<Flood>,
}

impl Plan {
    /// Returns a load with the defaults of the command line, but with one thread and the seed 0. The
    /// command line takes these two from the machine and at random.
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

    /// Checks whether the plan can be carried out. These are all rules of a plan: the command line adds
    /// only rules of its flags.
    ///
    /// # Errors
    /// The first rule that is broken, in the words of the command line.
    pub fn check(&self) -> Result<(), String> {
        let rules = self.size_rules().into_iter().chain(self.pace_rules());
        let mut rules = rules.chain(self.share_rules()).chain(self.flood_rules());
        match rules.find(|(is_kept, _)| !is_kept) {
            Some((_, sentence)) => Err(sentence.to_owned()),
            None => Ok(()),
        }
    }

    fn size_rules(&self) -> [Rule; 6] {
        let (is_range_sound, has_message, all_end) = match &self.sizes {
            Sizes::Range(min, max) => (min <= max, *min > 0, true),
            Sizes::Messages(messages) => {
                let all_end = messages.lines.iter().all(|line| line.ends_with(b"\n"));
                (true, !messages.lines.is_empty(), all_end)
            }
        };
        [
            (self.connections > 0, "a load needs a connection"),
            (self.threads > 0, "a load needs a thread"),
            (is_range_sound, "the first length of a range cannot be greater than the second"),
            (has_message, "a load needs a message with at least its newline"),
            (all_end, "every message ends with a newline"),
            (self.messages_per_connection != Some(0), "a connection needs a message"),
        ]
    }

    fn pace_rules(&self) -> [Rule; 5] {
        let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
        [
            (self.send_burst > 0, "a burst has at least one message"),
            (self.send_burst <= self.depth, "--send-burst cannot be greater than --depth"),
            (self.rate().is_none_or(is_rate), "a rate is above 0"),
            (self.connect_rate.is_none_or(is_rate), "a rate of connects is above 0"),
            (
                KERNEL_TIMESTAMPS || !self.kernel_timestamps,
                "--kernel-timestamps works only on Linux",
            ),
        ]
    }

    fn share_rules(&self) -> [Rule; 3] {
        let Share { index, count } = self.share;
        let has_messages = match self.limit {
            Limit::Count(messages) if count > 1 => messages >= count.into(),
            Limit::Count(_) | Limit::Duration(_) => true,
        };
        [
            (index < count, "agents are numbered from 0"),
            (
                self.connections >= count,
                "there are fewer --connections than generators (--agent-count): each needs one",
            ),
            (
                has_messages,
                "there are fewer messages (--count) than generators (--agent-count): each needs one",
            ),
        ]
    }

    fn flood_rules(&self) -> [Rule; 3] {
        let holds =
            |rule: fn(Flood, Share) -> bool| self.flood.is_none_or(|flood| rule(flood, self.share));
        [
            (
                holds(|flood, _| flood.connections > 0 && flood.depth > 0),
                "a flood has at least one connection, with at least one message in flight",
            ),
            (holds(|flood, _| flood.size > 0), "each message of a flood ends with a newline"),
            (
                holds(|flood, share| flood.connections >= share.count),
                "there are fewer connections of the --flood than generators (--agent-count): each \
                 needs one",
            ),
        ]
    }

    /// Returns the numbers of the connections that are ours: every `share.count`-th.
    #[must_use]
    pub fn our_connections(&self) -> impl ExactSizeIterator<Item = u64> + Clone + use<> {
        (self.share.index..self.connections).step_by(self.share.count as usize).map(u64::from)
    }

    /// Returns how many of `count` messages belong to these connections. All connections have about the
    /// same number of messages, so that they are done at the same time.
    #[must_use]
    pub fn part_of(&self, count: u64, connections: impl Iterator<Item = u64>) -> u64 {
        connections.map(|number| part(count, number, self.connections.into())).sum()
    }

    /// Returns whether messages wait for earlier ones.
    pub(crate) fn loop_kind(&self) -> Loop {
        match self.arrival {
            Arrival::Closed => Loop::Closed,
            Arrival::Constant(_) | Arrival::Poisson(_) => Loop::Open,
        }
    }

    /// Returns the rate of an open loop: messages a second, over all agents.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        match self.arrival {
            Arrival::Closed => None,
            Arrival::Constant(rate) | Arrival::Poisson(rate) => Some(rate),
        }
    }
}

/// Returns the `index`-th of `count` parts of a whole. The first parts take the remainder.
fn part(whole: u64, index: u64, count: u64) -> u64 {
    whole / count + u64::from(index < whole % count)
}

/// Connections that flood the server: each sends a line as soon as one is back. They begin before the
/// run connects, and go on until the end of the measured part. Their lines are verified, and not timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// Number of connections, over all agents; at least one for each.
    pub connections: u32,
    /// The length of a line, newline included; at least 1.
    pub size: usize,
    /// Number of lines in flight on each connection; at least 1.
    pub depth: u32,
}

/// Lengths of messages in bytes, newline included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// Any length from the first to the second, all equally likely. The first is at least 1.
    Range(usize, usize),
    /// The lengths of these messages, which are sent in turn.
    Messages(Arc<Messages>),
}

/// Messages from a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Messages {
    /// The name of the file.
    pub file: String,
    /// At least one message, each with its newline.
    pub lines: Vec<Box<[u8]>>,
}

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrival {
    /// A message is sent when an earlier one has come back.
    Closed,
    /// Messages are sent evenly at this rate a second, over all agents. Positive and finite.
    Constant(f64),
    /// Messages are sent at random at this rate a second, over all agents. Positive and finite.
    Poisson(f64),
}

/// Whether messages wait for earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loop {
    /// A message follows the reply to an earlier one.
    Closed,
    /// A message is due whether earlier ones are back or not.
    Open,
}

/// What ends the measured part. The warm-up does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// This time has passed.
    Duration(Duration),
    /// This number of messages has been sent, over all agents.
    Count(u64),
}

/// One generator of several that share a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Share {
    /// The whole load.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}
