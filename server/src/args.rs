//! The command line and the environment, turned into a [`Config`].

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Parser, ValueEnum, value_parser};
use echo_common::{logging, units};
use echo_server::{Config, Framing};
use log::LevelFilter;

/// Maximum value of `--max-line-length`: each connection may hold one line.
const MAX_MAX_LINE_LENGTH: u64 = 1 << 30;

/// Maximum value of `--channel-capacity`: the channels are allocated at the start.
const MAX_CHANNEL_CAPACITY: u64 = 65_536;

/// Maximum value of `--num-workers`.
const MAX_NUM_WORKERS: u64 = 1_024;

const EXIT_CODES: &str = "\
Exit codes:
  0    the server stopped, and every open connection had received its whole echo
  1    the server could not start, or a thread of it failed
  2    the command line or an environment variable is wrong
  3    the drain timeout cut off a connection before it had received its whole echo
  130  a second signal ended the server at once";

/// A TCP echo server: it returns every byte, and returns a line as soon as the line is complete.
///
/// Ctrl+C, SIGTERM and SIGHUP stop the server. It then echoes everything that has arrived, finishes
/// every connection and exits. A second signal ends it at once.
#[derive(Debug, Parser)]
#[command(name = "server", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Address to listen on, IPv4 or IPv6; :: serves both
    #[arg(long, env = "ECHO_SERVER_IP", value_name = "IP", default_value = echo_common::DEFAULT_IP)]
    ip: IpAddr,

    /// Port to listen on; 0 lets the system choose a free port, which the server logs
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_PORT", default_value_t = echo_common::DEFAULT_PORT)]
    port: u16,

    /// Number of worker threads, 1 to 1024 [default: the number of logical CPUs]
    ///
    /// The CPU limit of a container counts as the number of CPUs.
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_NUM_WORKERS", value_name = "N",
          value_parser = value_parser!(u64).range(1..=MAX_NUM_WORKERS))]
    num_workers: Option<u64>,

    /// Maximum number of accepted connections that wait for one worker, 1 to 65536
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_CHANNEL_CAPACITY", value_name = "N",
          default_value_t = Config::CHANNEL_CAPACITY.get() as u64,
          value_parser = value_parser!(u64).range(1..=MAX_CHANNEL_CAPACITY))]
    channel_capacity: u64,

    /// Least severe level to log: OFF, ERROR, WARN, INFO, DEBUG or TRACE, in upper or lower case
    #[arg(long = "log_level", visible_alias = "log-level", env = "ECHO_SERVER_LOG_LEVEL",
          value_name = "LEVEL", default_value = "INFO", value_parser = logging::level)]
    pub(crate) log_level: LevelFilter,

    /// When bytes go back: "line" returns complete lines, "raw" returns bytes as they arrive (RFC 862)
    #[arg(long, env = "ECHO_SERVER_FRAMING", value_enum, default_value_t = FramingArg::Line)]
    framing: FramingArg,

    /// Maximum line length, 1B to 1GiB; a longer line goes back in pieces of this size
    #[arg(long, env = "ECHO_SERVER_MAX_LINE_LENGTH", value_name = "SIZE",
          default_value = "64KiB", value_parser = line_length)]
    max_line_length: NonZeroUsize,

    /// Maximum number of open connections [default: the descriptor limit less a reserve]
    ///
    /// Further connections wait in the listen backlog of the system until a connection closes.
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_MAX_CONNECTIONS", value_name = "N",
          value_parser = value_parser!(u64).range(1..))]
    max_connections: Option<u64>,

    /// How long a connection may be silent before the server closes it; 0 is for ever [default: 0]
    ///
    /// A peer that stops reading its echo is closed after at most twice as long.
    #[arg(long, env = "ECHO_SERVER_IDLE_TIMEOUT", value_name = "DURATION",
          value_parser = units::duration)]
    idle_timeout: Option<Duration>,

    /// How long the server waits, when it stops, for peers to receive their echo
    #[arg(long, env = "ECHO_SERVER_DRAIN_TIMEOUT", value_name = "DURATION",
          default_value = "5s", value_parser = units::duration)]
    drain_timeout: Duration,

    /// How often to log the throughput; 0 is never
    ///
    /// The server logs nothing for an interval in which nothing happened.
    #[arg(long, env = "ECHO_SERVER_REPORT_INTERVAL", value_name = "DURATION",
          default_value = "5s", value_parser = units::duration)]
    report_interval: Duration,

    /// Listen backlog: maximum number of connections that wait in the system to be accepted
    ///
    /// The system may have a lower limit of its own.
    #[arg(long, allow_negative_numbers = true, env = "ECHO_SERVER_BACKLOG", value_name = "N",
          default_value_t = Config::BACKLOG.get(), value_parser = value_parser!(u16).range(1..))]
    backlog: u16,

    /// How long a worker polls without sleeping after an event; 0 is never [default: 0]
    ///
    /// Round trips become shorter, and a CPU is busy while a worker polls.
    #[arg(long, env = "ECHO_SERVER_BUSY_POLL", value_name = "DURATION", value_parser = units::duration)]
    busy_poll: Option<Duration>,

    /// Pin each worker to one of the CPUs that the process may use, in turn (Linux)
    #[arg(long, env = "ECHO_SERVER_PIN_WORKERS", value_parser = BoolishValueParser::new())]
    pin_workers: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FramingArg {
    Line,
    Raw,
}

impl Args {
    /// Returns the configuration that the flags ask for.
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
    fn documents_its_flags() {
        echo_docs::check("server.md", Args::command());
    }

    #[test]
    fn zero_turns_timers_off() {
        let zeros = ["--idle-timeout", "0", "--report-interval", "0s", "--busy-poll", "0ms"];
        let config = Args::parse_from(["server"].iter().chain(&zeros)).config();
        assert_eq!((config.idle_timeout, config.report_interval), (None, None));
        assert_eq!(config.busy_poll, None);
    }
}
