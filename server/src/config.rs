//! Every limit and choice of a server, by name.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use crate::echo::Framing;

/// What a server is told at the start. The defaults are those of the command line.
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
    /// Worker threads.
    pub num_workers: NonZeroUsize,
    /// Connections that may wait in one worker's channel.
    pub channel_capacity: NonZeroUsize,
    /// What makes bytes due to be sent back.
    pub framing: Framing,
    /// A longer line goes back in pieces of this many bytes. A connection holds at most this and
    /// [`MAX_READ_LEN`](Self::MAX_READ_LEN) more.
    pub max_line_length: NonZeroUsize,
    /// At this many open connections no more are accepted; those who connect wait in the system's
    /// queue. `None`: what the descriptor limit allows, less what the server itself needs.
    pub max_connections: Option<NonZeroU64>,
    /// A connection without traffic for this long is ended; one that stops taking what it is owed,
    /// within twice this. `None`: never.
    pub idle_timeout: Option<Duration>,
    /// How long a peer may take to receive what it is owed once the server is stopping.
    pub drain_timeout: Duration,
    /// How often the throughput is logged when something happened, at most every millisecond. `None`:
    /// never.
    pub report_interval: Option<Duration>,
    /// Connections that may wait in the system's queue; the system may have a lower limit.
    pub backlog: NonZeroU16,
    /// After an event a worker looks for the next one for this long before it sleeps: replies come
    /// sooner, and a CPU is busy meanwhile. It lets other threads have that CPU in between. `None`: it
    /// sleeps at once.
    pub busy_poll: Option<Duration>,
    /// Each worker stays on one of the CPUs that the process may use, in turn. Only on Linux.
    pub pin_workers: bool,
}

impl Config {
    /// The default of [`channel_capacity`](Self::channel_capacity).
    pub const CHANNEL_CAPACITY: NonZeroUsize = NonZeroUsize::new(100).unwrap();
    /// The default of [`max_line_length`](Self::max_line_length).
    pub const MAX_LINE_LENGTH: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();
    /// The most bytes that are read from a connection at once.
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
