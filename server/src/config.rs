//! Every limit and choice of a server, by name.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use crate::echo::Framing;

/// The settings of a server. The defaults are those of the command line.
///
/// ```
/// use echo_server::Config;
///
/// let config = Config { address: ([0, 0, 0, 0], 7).into(), ..Config::default() };
/// assert_eq!(config.channel_capacity.get(), 100);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose. `::` serves IPv4 too.
    pub address: SocketAddr,
    /// Number of worker threads.
    pub num_workers: NonZeroUsize,
    /// Number of connections that may wait in one worker's channel.
    pub channel_capacity: NonZeroUsize,
    /// When received bytes are due to be sent back.
    pub framing: Framing,
    /// Length in bytes of the longest line that goes back whole. A longer line goes back in pieces of
    /// this length. A connection holds at most this and [`MAX_READ_LEN`](Self::MAX_READ_LEN) bytes.
    pub max_line_length: NonZeroUsize,
    /// Maximum number of open connections. When it is reached, new connections wait in the
    /// listen backlog. `None`: the descriptor limit, less the descriptors that the server itself needs.
    pub max_connections: Option<NonZeroU64>,
    /// How long a connection may go without traffic before the server closes it. A peer that stops
    /// reading its echo is closed after at most twice as long. `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a peer may take to receive the rest of its echo when the server stops.
    pub drain_timeout: Duration,
    /// How often the throughput is logged, if something happened; at most every millisecond. `None`:
    /// never.
    pub report_interval: Option<Duration>,
    /// Length of the listen backlog: connections that wait in the system. The system may have a lower
    /// limit.
    pub backlog: NonZeroU16,
    /// How long a worker looks for the next event after the last one before it sleeps. Replies then
    /// come sooner, but a CPU is busy. Other threads get this CPU in between. `None`: the worker sleeps at
    /// once.
    pub busy_poll: Option<Duration>,
    /// Whether each worker stays on one of the CPUs that the process may use, in rotation. Linux only.
    pub pin_workers: bool,
}

impl Config {
    /// The default of [`channel_capacity`](Self::channel_capacity).
    pub const CHANNEL_CAPACITY: NonZeroUsize = NonZeroUsize::new(100).unwrap();
    /// The default of [`max_line_length`](Self::max_line_length).
    pub const MAX_LINE_LENGTH: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();
    /// Maximum number of bytes that are read from a connection at once.
    pub const MAX_READ_LEN: usize = 256 * 1024;
    /// The default of [`drain_timeout`](Self::drain_timeout).
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
    /// The default of [`report_interval`](Self::report_interval).
    pub const REPORT_INTERVAL: Duration = Duration::from_secs(5);
    /// The default of [`backlog`](Self::backlog).
    pub const BACKLOG: NonZeroU16 = NonZeroU16::new(4096).unwrap();
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, echo_common::DEFAULT_PORT).into(),
            num_workers: NonZeroUsize::new(num_cpus::get()).unwrap_or(NonZeroUsize::MIN),
            channel_capacity: Self::CHANNEL_CAPACITY,
            framing: Framing::Line,
            max_line_length: Self::MAX_LINE_LENGTH,
            max_connections: None,
            idle_timeout: None,
            drain_timeout: Self::DRAIN_TIMEOUT,
            report_interval: Some(Self::REPORT_INTERVAL),
            backlog: Self::BACKLOG,
            busy_poll: None,
            pin_workers: false,
        }
    }
}
