//! The command line and the environment.

mod compare;
mod load;
mod messages;
#[cfg(test)]
mod tests;
mod values;

use std::env;
use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use echo_common::logging;
use echo_loadtest::address::Address;
use echo_loadtest::files;
use echo_loadtest::objective::Slo;
use log::LevelFilter;

pub(crate) use crate::cli::arguments::compare::{CapacityArgs, CompareArgs};
pub(crate) use crate::cli::arguments::load::{LoadArgs, NOWHERE};

const EXIT_CODES: &str = "\
Exit codes:
  0    the verdict is VALID, every byte was right, and every objective was met
  1    bytes were wrong or missing, a connection or a message failed, or the program could not start
  2    the command line or an environment variable is wrong
  3    the verdict is not VALID: the figures do not show the server under the requested load
  99   an objective (--slo or --fail-if) was broken
  130  a signal such as Ctrl+C stopped the run; the results so far are printed and written

If several codes apply, the first of 130, 1, 3 and 99 is used.

Results go to standard output. Progress and the log go to standard error. A flag takes precedence over
its environment variable.";

const ABOUT: &str = "\
Puts load on an echo server, verifies every byte that comes back, and says whether its figures can \
be trusted.

Without a command, loadtest does what `run` does, and takes the flags of `run`. It measures the server \
that ECHO_LOADTEST_TARGET names. If that variable is not set either, it starts the echo server of this \
project in its own process, on a free port.";

/// Names the target when the command line does not.
const TARGET_VARIABLE: &str = "ECHO_LOADTEST_TARGET";

/// Puts load on an echo server and verifies every byte that comes back
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, long_about = ABOUT, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// The flags of `run`, for when no command is given
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// The target that [`TARGET_VARIABLE`] names when no command is given. It is no argument, because
    /// clap would then take a mistyped command for a host.
    #[arg(skip)]
    pub(crate) target: Option<Address>,

    /// Least severe level to log: OFF, ERROR, WARN, INFO, DEBUG or TRACE, in upper or lower case
    #[arg(long = "log_level", visible_alias = "log-level", env = "ECHO_LOADTEST_LOG_LEVEL")]
    #[arg(value_name = "LEVEL", default_value = "INFO", value_parser = logging::level)]
    #[arg(global = true)]
    pub(crate) log_level: LevelFilter,

    /// Show no progress, only the results
    ///
    /// If a report goes to standard output, the table is not shown either. Warnings are still logged.
    #[arg(long, env = "ECHO_LOADTEST_QUIET", value_parser = BoolishValueParser::new())]
    #[arg(global = true)]
    pub(crate) quiet: bool,
}

/// How much is shown besides the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// The progress is shown.
    Normal,
    /// Nothing is shown.
    Quiet,
}

/// What standard output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandardOutput {
    /// The results as text.
    Text,
    /// A document, which text would spoil.
    Document,
}

impl StandardOutput {
    /// Returns what standard output carries when documents go to these files.
    fn of<'a>(mut files: impl Iterator<Item = &'a Path>) -> Self {
        if files.any(files::is_standard_output) { Self::Document } else { Self::Text }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a server under one load
    Run(Box<TargetedRunArgs>),
    /// Find the highest rate at which a server meets its objectives
    ///
    /// Every round is one run with the flags for the load. The search begins at --rate, and each round
    /// is measured for --duration.
    Capacity(Box<CapacityArgs>),
    /// Measure two servers in turn and say whether they differ
    ///
    /// Every round is two runs, one of each server, with the flags for the load.
    Compare(Box<CompareArgs>),
    /// Add up the reports of generators that shared a load
    ///
    /// Histograms and counts are added exactly. The command refuses reports of different loads or
    /// servers, and reports of generators that did not measure at the same time.
    Merge(MergeArgs),
    /// Make an HTML page from reports
    Report(ReportArgs),
    /// Print the completions for a shell
    // This command and the next are not hidden, because packagers have to find them.
    Completions {
        /// The shell to print completions for
        shell: Shell,
    },
    /// Write the manual pages, one for each command
    Man {
        /// Folder to write the manual pages to; it is created if it does not exist
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// The flags of `run`, and its target.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct TargetedRunArgs {
    /// Server to measure, as HOST:PORT [default: an echo server that loadtest starts itself]
    ///
    /// An IPv6 address needs brackets. Without a target, loadtest starts the echo server of this project
    /// in its own process, on a free port.
    #[arg(env = TARGET_VARIABLE, value_name = "TARGET")]
    pub(crate) target: Option<Address>,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// The flags of `run` without its target.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,

    #[command(flatten)]
    pub(crate) objectives: ObjectiveArgs,

    /// Write an interval log for the HdrHistogram tools during the run; "-" is standard output
    ///
    /// The times are in nanoseconds.
    #[arg(long, env = "ECHO_LOADTEST_HDR", value_name = "FILE", help_heading = "Output")]
    pub(crate) hdr: Option<PathBuf>,

    /// Write the times of each measured message that came back as CSV, in nanoseconds
    ///
    /// A line names the connection and tells when the message was due, sent and back. Writing takes
    /// time, so do not use this at the highest rates.
    #[arg(long, env = "ECHO_LOADTEST_SAMPLES", value_name = "FILE", help_heading = "Output")]
    pub(crate) samples: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The objectives of a run.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ObjectiveArgs {
    /// Objective that must hold, such as 'p99<2ms', 'errors<0.1%' or 'rate>=0.99'
    ///
    /// Repeat the flag, or separate several objectives with commas. A broken objective makes the exit
    /// code 99.
    #[arg(long, env = "ECHO_LOADTEST_SLO", value_name = "OBJECTIVE", value_delimiter = ',')]
    pub(crate) slo: Vec<Slo>,
}

/// Where the report of any measurement goes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct DocumentArgs {
    /// Write the whole report as JSON; "-" is standard output
    ///
    /// If the report goes to standard output, the table goes to standard error.
    #[arg(long, env = "ECHO_LOADTEST_JSON", value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Where the reports of runs go besides standard output.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    #[command(flatten)]
    pub(crate) document: DocumentArgs,

    /// Write the report as one HTML page that needs no network; "-" is standard output
    #[arg(long, env = "ECHO_LOADTEST_HTML", value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// The arguments of `merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct MergeArgs {
    /// JSON reports of all generators that shared a load
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) objectives: ObjectiveArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The arguments of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// JSON reports of runs, or one JSON report of a capacity
    ///
    /// A page of several runs shows them in the same plots.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// File to write the page to; "-" is standard output
    #[arg(long, env = "ECHO_LOADTEST_HTML", value_name = "FILE")]
    pub(crate) html: PathBuf,
}

impl Args {
    /// Reads the command line and the environment. A wrong value ends the process here, with a
    /// sentence that names the flag and with the exit code for wrong usage.
    pub(crate) fn from_environment() -> Self {
        let matches = Self::command().get_matches();
        let mut args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        match args.take_target().and_then(|()| args.check()) {
            Ok(()) => args,
            Err(sentence) => usage_error(matches.subcommand_name(), sentence).exit(),
        }
    }

    /// Returns how much is shown besides the results.
    pub(crate) fn verbosity(&self) -> Verbosity {
        if self.quiet { Verbosity::Quiet } else { Verbosity::Normal }
    }

    fn take_target(&mut self) -> Result<(), String> {
        let variable = env::var_os(TARGET_VARIABLE).filter(|_| self.command.is_none());
        let told = |reason: String| format!("{TARGET_VARIABLE}: {reason}");
        let target = variable.map(|text| text.to_string_lossy().parse()).transpose();
        self.target = target.map_err(told)?;
        Ok(())
    }

    /// Checks conflicts here, because clap treats `ECHO_…=false` as if the flag were given.
    fn check(&self) -> Result<(), String> {
        match &self.command {
            None => self.run.check(),
            Some(Command::Run(args)) => args.run.check(),
            Some(Command::Capacity(args)) => args.check(),
            Some(Command::Compare(args)) => args.check(),
            Some(Command::Merge(args)) => args.output.check(&[]),
            Some(Command::Report(_) | Command::Completions { .. } | Command::Man { .. }) => Ok(()),
        }
    }
}

/// Returns an error as clap words it, with the usage of the command that was given.
fn usage_error(name: Option<&str>, sentence: String) -> clap::Error {
    let mut program = Args::command();
    // This completes the names of the commands: `loadtest run`.
    program.build();
    match name.and_then(|name| program.find_subcommand_mut(name)) {
        Some(command) => command.error(ErrorKind::ArgumentConflict, sentence),
        None => program.error(ErrorKind::ArgumentConflict, sentence),
    }
}

impl RunArgs {
    fn check(&self) -> Result<(), String> {
        self.load.check()?;
        if self.samples.as_deref().is_some_and(files::is_standard_output) {
            return Err("--samples cannot go to standard output: name a file".to_owned());
        }
        let others: Vec<&Path> =
            [&self.hdr, &self.samples].into_iter().flatten().map(|path| path.as_path()).collect();
        self.output.check(&others)
    }
}

impl OutputArgs {
    /// Checks that no file is named twice. `others` are the files that a run writes as it goes on.
    fn check(&self, others: &[&Path]) -> Result<(), String> {
        let files: Vec<_> = self.files().chain(others.iter().copied()).collect();
        for (index, file) in files.iter().enumerate() {
            if files.iter().skip(index + 1).any(|other| other == file) {
                let name = file.display();
                return Err(format!(
                    "two of --json, --html, --hdr and --samples go to {name}: give each its own file"
                ));
            }
        }
        Ok(())
    }

    /// Returns what standard output carries when the interval log goes to `hdr`.
    pub(crate) fn standard_output(&self, hdr: Option<&Path>) -> StandardOutput {
        StandardOutput::of(self.files().chain(hdr))
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        [self.document.json.as_deref(), self.html.as_deref()].into_iter().flatten()
    }
}

impl DocumentArgs {
    /// Returns what standard output carries.
    pub(crate) fn standard_output(&self) -> StandardOutput {
        StandardOutput::of(self.json.as_deref().into_iter())
    }
}
