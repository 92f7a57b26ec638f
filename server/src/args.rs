//! The command line and the environment, turned into a [`Config`].

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Parser, ValueEnum, value_parser};
use echo_common::{logging, units};
use echo_server::{Config, Framing};
use log::LevelFilter;

/// Maximum of `--max-line-length`: each connection may hold one line.
const MAX_MAX_LINE_LENGTH: u64 = 1 << 30;

/// Maximum of `--channel-capacity`: the channels are allocated at the start.
const MAX_CHANNEL_CAPACITY: u64 = 65_536;

/// Maximum of `--num-workers`.
const MAX_NUM_WORKERS: u64 = 1_024;

const EXIT_CODES: &str = "\
Exit codes:
  0    every connection open at the end got back all it was owed
  1    could not start or run
  2    the command line or the environment makes no sense
  3    the drain timeout cut off a connection that was owed bytes
  130  ended at once by a second signal";

/// A TCP echo server: every byte comes back, a line as soon as it is complete.
///
/// Ctrl+C, SIGTERM and SIGHUP stop it: it echoes whatever has arrived, finishes every connection,
/// and exits. A second signal ends it at once.
#[derive(Debug, Parser)]
#[command(name = "server", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Address to listen on, IPv4 or IPv6; :: serves both families
    #[arg(long, env = "ECHO_SERVER_IP", value_name = "IP", default_value = echo_common::DEFAULT_IP)]
    ip: IpAddr,

    /// Port to listen on; 0 picks a free one
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_PORT", default_value_t = echo_common::DEFAULT_PORT)]
    port: u16,

    /// Worker threads [default: the logical CPUs]
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_NUM_WORKERS", value_name = "N",
          value_parser = value_parser!(u64).range(1..=MAX_NUM_WORKERS))]
    num_workers: Option<u64>,

    /// Connections that may wait in one worker's channel
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_CHANNEL_CAPACITY", value_name = "N",
          default_value_t = Config::CHANNEL_CAPACITY.get() as u64,
          value_parser = value_parser!(u64).range(1..=MAX_CHANNEL_CAPACITY))]
    channel_capacity: u64,

    /// Least severe records to log: OFF, ERROR, WARN, INFO, DEBUG or TRACE
    #[arg(long = "log_level", visible_alias = "log-level", env = "ECHO_SERVER_LOG_LEVEL",
          value_name = "LEVEL", default_value = "INFO", value_parser = logging::level)]
    pub(crate) log_level: LevelFilter,

    /// When bytes go back: at the end of their line, or as they come (RFC 862)
    #[arg(long, env = "ECHO_SERVER_FRAMING", value_enum, default_value_t = FramingArg::Line)]
    framing: FramingArg,

    /// A longer line goes back in pieces of this size
    #[arg(long, env = "ECHO_SERVER_MAX_LINE_LENGTH", value_name = "SIZE",
          default_value = "64KiB", value_parser = line_length)]
    max_line_length: NonZeroUsize,

    /// Open connections at which others have to wait [default: what the descriptor limit allows]
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_MAX_CONNECTIONS", value_name = "N",
          value_parser = value_parser!(u64).range(1..))]
    max_connections: Option<u64>,

    /// End a connection that has no traffic for this long, and one that stops taking what it is owed
    /// within twice this; 0 is never [default: 0]
    #[arg(long, env = "ECHO_SERVER_IDLE_TIMEOUT", value_name = "DURATION",
          value_parser = units::duration)]
    idle_timeout: Option<Duration>,

    /// How long peers may take, once the server stops, to receive what they are owed
    #[arg(long, env = "ECHO_SERVER_DRAIN_TIMEOUT", value_name = "DURATION",
          default_value = "5s", value_parser = units::duration)]
    drain_timeout: Duration,

    /// How often to log the throughput, when something happened; 0 is never
    #[arg(long, env = "ECHO_SERVER_REPORT_INTERVAL", value_name = "DURATION",
          default_value = "5s", value_parser = units::duration)]
    report_interval: Duration,

    /// Connections that may wait in the system's queue
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_BACKLOG", value_name = "N",
          default_value_t = Config::BACKLOG.get(), value_parser = value_parser!(u16).range(1..))]
    backlog: u16,

    /// After an event, look for the next one for this long before sleeping: replies come sooner, for
    /// a busy CPU; 0 is never [default: 0]
    #[arg(long, env = "ECHO_SERVER_BUSY_POLL", value_name = "DURATION", value_parser = units::duration)]
    busy_poll: Option<Duration>,

    /// Keep each worker on one of the CPUs that the process may use, in turn (Linux)
    #[arg(long, env = "ECHO_SERVER_PIN_WORKERS", value_parser = BoolishValueParser::new())]
    pin_workers: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FramingArg {
    Line,
    Raw,
}

impl Args {
    /// Returns the settings of the server.
    pub(crate) fn config(&self) -> Config {
        let default = Config::default();
        Config {
            address: SocketAddr::new(self.ip, self.port),
            num_workers: self.num_workers.and_then(non_zero).unwrap_or(default.num_workers),
            channel_capacity: non_zero(self.channel_capacity).unwrap_or(default.channel_capacity),
            framing: match self.framing {
                FramingArg::Line => Framing::Line,
                FramingArg::Raw => Framing::Raw,
            },
            max_line_length: self.max_line_length,
            max_connections: self.max_connections.and_then(NonZeroU64::new),
            idle_timeout: self.idle_timeout.filter(|timeout| !timeout.is_zero()),
            drain_timeout: self.drain_timeout,
            report_interval: Some(self.report_interval).filter(|interval| !interval.is_zero()),
            backlog: NonZeroU16::new(self.backlog).unwrap_or(default.backlog),
            busy_poll: self.busy_poll.filter(|duration| !duration.is_zero()),
            pin_workers: self.pin_workers,
        }
    }
}

fn non_zero(count: u64) -> Option<NonZeroUsize> {
    usize::try_from(count).ok().and_then(NonZeroUsize::new)
}

fn line_length(text: &str) -> Result<NonZeroUsize, String> {
    let size = units::size(text)?;
    non_zero(size)
        .filter(|_| size <= MAX_MAX_LINE_LENGTH)
        .ok_or_else(|| "must be from 1B to 1GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_library() {
        assert_eq!(Args::parse_from(["server"]).config(), Config::default());
        Args::command().debug_assert();
    }

    #[test]
    fn zero_turns_timers_off() {
        let zeros = ["--idle-timeout", "0", "--report-interval", "0s", "--busy-poll", "0ms"];
        let config = Args::parse_from(["server"].iter().chain(&zeros)).config();
        assert_eq!((config.idle_timeout, config.report_interval), (None, None));
        assert_eq!(config.busy_poll, None);
    }
}
