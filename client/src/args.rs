//! The command line and the environment.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, value_parser};
use echo_client::Line;
use echo_client::run::{Config, Messages, Output};
use echo_common::{DEFAULT_IP, DEFAULT_PORT, logging, units};
use log::LevelFilter;

const EXIT_CODES: &str = "\
Exit codes:
  0    every reply was right, or the reader of standard output went away first
  1    a reply was wrong, short or late, a connection failed, or the client could not start
  2    the command line or an environment variable is wrong
  130  a signal such as Ctrl+C stopped the client

Standard output carries the replies and nothing else. The log goes to standard error.";

/// Sends lines to an echo server and verifies every byte that comes back
#[derive(Debug, Parser)]
#[command(name = "client", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Address or host name of the server
    #[arg(long, env = "ECHO_CLIENT_SERVER_IP", value_name = "HOST", value_parser = host)]
    #[arg(default_value = DEFAULT_IP)]
    server_ip: String,

    /// Port of the server
    #[arg(
        long,
        allow_negative_numbers = true,
        env = "ECHO_CLIENT_SERVER_PORT",
        value_name = "PORT"
    )]
    #[arg(default_value_t = DEFAULT_PORT, value_parser = value_parser!(u16).range(1..))]
    server_port: u16,

    /// Number of parallel clients; each has one thread and one connection
    #[arg(long, allow_negative_numbers = true, env = "ECHO_CLIENT_NUM_CLIENTS", value_name = "N")]
    #[arg(default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    num_clients: u32,

    /// Text to send; the client appends a newline
    ///
    /// The text may be empty and need not be valid UTF-8. A text that contains newlines is sent as
    /// several lines.
    #[arg(long, env = "ECHO_CLIENT_MESSAGE", value_name = "TEXT", default_value = "hello world")]
    message: OsString,

    /// Number of times that each client sends the message, at least 1
    #[arg(long, allow_negative_numbers = true, env = "ECHO_CLIENT_MAX_COUNT", value_name = "N")]
    #[arg(default_value_t = 1, value_parser = value_parser!(u64).range(1..))]
    max_count: u64,

    /// Send each line of standard input, from every client, instead of --message
    #[arg(long, env = "ECHO_CLIENT_STDIN", value_parser = BoolishValueParser::new())]
    stdin: bool,

    /// How long a connect, and how long each reply, may take, such as 500ms or 10s
    #[arg(long, env = "ECHO_CLIENT_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = units::positive_duration)]
    timeout: Duration,

    /// Do not print the replies
    #[arg(long, env = "ECHO_CLIENT_QUIET", value_parser = BoolishValueParser::new())]
    quiet: bool,

    /// How often to log the throughput; 0 is never
    ///
    /// The summary at the end is logged in any case.
    #[arg(
        long,
        env = "ECHO_CLIENT_REPORT_INTERVAL",
        value_name = "DURATION",
        default_value = "1s"
    )]
    #[arg(value_parser = units::duration)]
    report_interval: Duration,

    /// Least severe level to log: OFF, ERROR, WARN, INFO, DEBUG or TRACE, in upper or lower case
    #[arg(long = "log_level", visible_alias = "log-level", env = "ECHO_CLIENT_LOG_LEVEL")]
    #[arg(value_name = "LEVEL", default_value = "INFO", value_parser = logging::level)]
    pub(crate) log_level: LevelFilter,
}

impl Args {
    /// Reads the command line and the environment. A wrong value ends the process here, with a
    /// sentence that names the flag and with the exit code for wrong usage.
    pub(crate) fn from_environment() -> Self {
        Self::try_from_matches(&Self::command().get_matches()).unwrap_or_else(|error| error.exit())
    }

    fn try_from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let args = Self::from_arg_matches(matches)?;
        // clap's own conflicts would count ECHO_CLIENT_STDIN=false as a use of --stdin.
        for (id, shown) in [("message", "--message <TEXT>"), ("max_count", "--max-count <N>")] {
            if args.stdin && matches.value_source(id) != Some(ValueSource::DefaultValue) {
                let text = format!("the argument '--stdin' cannot be used with '{shown}'");
                return Err(Self::command().error(ErrorKind::ArgumentConflict, text));
            }
        }
        Ok(args)
    }

    /// Returns the configuration that the flags ask for.
    pub(crate) fn into_config(self) -> Config {
        let messages = if self.stdin {
            Messages::StandardInput
        } else {
            Messages::Repeated(Line::new(self.message.as_encoded_bytes()), self.max_count)
        };
        Config {
            host: self.server_ip,
            port: self.server_port,
            num_clients: self.num_clients,
            messages,
            timeout: self.timeout,
            output: if self.quiet { Output::Quiet } else { Output::Print },
            report_interval: self.report_interval,
        }
    }
}

/// Returns a host without the brackets that a URL needs around an IPv6 address.
fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.is_empty() {
        Err("expected an address or a host name".to_owned())
    } else {
        Ok(bare.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn documents_its_flags() {
        echo_docs::check("client.md", Args::command());
    }

    #[test]
    fn brackets_are_no_part_of_an_address() {
        for (text, bare) in [("[::1]", "::1"), ("::1", "::1"), ("localhost", "localhost")] {
            assert_eq!(host(text).as_deref(), Ok(bare));
        }
        assert!(host("").is_err() && host("[]").is_err());
    }
}
