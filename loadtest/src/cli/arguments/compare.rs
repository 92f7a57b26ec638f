//! The arguments of the commands that make many runs.

use clap::builder::UnknownArgumentValueParser;
use clap::value_parser;
use echo_loadtest::address::Address;
use echo_loadtest::compare::FailIf;
use echo_loadtest::target::{Cpus, Target};

use crate::cli::arguments::values;
use crate::cli::arguments::{
    DocumentArgs, EXIT_CODES, LoadArgs, ObjectiveArgs, OutputArgs, TARGET_VARIABLE,
};

/// The arguments of `capacity`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CapacityArgs {
    /// Server to measure, as HOST:PORT [default: an echo server that loadtest starts itself]
    ///
    /// An IPv6 address needs brackets. Without a target, loadtest starts the echo server of this project
    /// in its own process, on a free port.
    #[arg(env = TARGET_VARIABLE, value_name = "TARGET")]
    pub(crate) target: Option<Address>,

    /// Precision: the search ends when the gap between its bounds is at most this part of the rate
    #[arg(long, env = "ECHO_LOADTEST_PRECISION", value_name = "PERCENT", default_value = "5%")]
    #[arg(value_parser = values::percent, help_heading = "Search")]
    pub(crate) precision: f64,

    /// Number of rounds that decide each bound, the first one included, 1 to 1000
    ///
    /// The report says how many of them held.
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_REPEATS", value_name = "N")]
    #[arg(default_value_t = 5, value_parser = value_parser!(u32).range(1..=1_000))]
    #[arg(help_heading = "Search")]
    pub(crate) repeats: u32,

    /// Highest rate to try, in messages per second [default: 100M]
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_MAX_RATE")]
    #[arg(value_name = "RATE", value_parser = values::rate, help_heading = "Search")]
    pub(crate) max_rate: Option<f64>,

    #[command(flatten)]
    pub(crate) load: LoadArgs,

    #[command(flatten)]
    pub(crate) objectives: ObjectiveArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CompareArgs {
    /// First server: an address, or a command that starts it and contains {port}
    ///
    /// The command is started for each run, with a free port in place of {port}.
    #[arg(long, env = "ECHO_LOADTEST_A", value_name = "SERVER", help_heading = "Comparison")]
    pub(crate) a: Target,

    /// Second server: an address, or a command that starts it and contains {port}
    #[arg(long, env = "ECHO_LOADTEST_B", value_name = "SERVER", help_heading = "Comparison")]
    pub(crate) b: Target,

    /// Number of rounds, 2 to 1000; each round measures both servers
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_ROUNDS", value_name = "N")]
    #[arg(default_value_t = 10, value_parser = value_parser!(u32).range(2..=1_000))]
    #[arg(help_heading = "Comparison")]
    pub(crate) rounds: u32,

    /// Ratio of b to a that counts as a failure, such as 'p99>1.05'
    ///
    /// Repeat the flag, or separate several ratios with commas. A ratio beyond the limit makes the exit
    /// code 99 if it is also statistically significant. The metrics are throughput, p50, p99, p99.9, max,
    /// connect-p99, connect-max, cpu, memory and flood-throughput.
    #[arg(long, env = "ECHO_LOADTEST_FAIL_IF", value_name = "RATIO", value_delimiter = ',')]
    #[arg(help_heading = "Comparison")]
    pub(crate) fail_if: Vec<FailIf>,

    /// CPUs for the servers that loadtest starts, such as 0,2-3 [default: any]
    #[arg(long, env = "ECHO_LOADTEST_PIN_SERVER", value_name = "CPUS")]
    #[arg(help_heading = "Comparison")]
    pub(crate) pin_server: Option<Cpus>,

    #[command(flatten)]
    pub(crate) load: LoadArgs,

    #[command(flatten)]
    pub(crate) output: DocumentArgs,

    /// Not supported here: there is no page of a comparison
    #[arg(long, hide = true, value_parser = no_page())]
    html: Option<String>,
}

fn no_page() -> UnknownArgumentValueParser {
    UnknownArgumentValueParser::suggest("there is no page of a comparison: --json has its figures")
}

impl CapacityArgs {
    pub(super) fn check(&self) -> Result<(), String> {
        self.load.check()?;
        if self.load.count.is_some() {
            return Err(
                "--count cannot be used with capacity: each round lasts for --duration".into()
            );
        }
        if self.objectives.slo.is_empty() {
            return Err("capacity needs an objective, such as --slo 'p99<1ms'".into());
        }
        if self.max_rate.is_some_and(|max| self.load.rate.is_some_and(|first| first > max)) {
            return Err("--rate, where the search begins, cannot be above --max-rate".into());
        }
        self.output.check(&[])?;
        alone(&self.load)
    }
}

impl CompareArgs {
    pub(super) fn check(&self) -> Result<(), String> {
        self.load.check()?;
        alone(&self.load)
    }
}

/// Refuses a shared load. Each round depends on the rounds before it, so generators would drift apart.
fn alone(load: &LoadArgs) -> Result<(), String> {
    if load.agent_count > 1 || load.start_at.is_some() {
        return Err("--agent-count and --start-at work only with `run`".into());
    }
    Ok(())
}
