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
pub(crate) use crate::cli::arguments::load::LoadArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0    the figures are valid, every byte was right, and every objective was met
  1    something failed: bytes were wrong or missing, a connection or a message failed, or the program
       could not do what it was asked
  2    the command line or an environment variable makes no sense
  3    the verdict is not VALID: the figures do not show the server under the load that was asked
  99   an objective (--slo, --fail-if) was broken
  130  stopped by a signal (Ctrl+C); the results so far are printed and written all the same

Of several, the first in the order 130, 1, 3, 99 counts.

Standard output carries the results, standard error the progress and the log. A flag outdoes its
variable.";

const ABOUT: &str = "\
Drives an echo server with load, verifies every byte that comes back, and says how far its figures \
can be trusted.

Without a command it does what `run` does without a target: it measures the server that \
ECHO_LOADTEST_TARGET names or, without that, the echo server of this project, which it starts inside, \
on a free port. The flags are those of `run`.";

/// Where a target comes from that stands on no command line.
const TARGET_VARIABLE: &str = "ECHO_LOADTEST_TARGET";

/// Drives an echo server with load and verifies every byte that comes back
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, long_about = ABOUT, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// What `run` is told when no command is given
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// That of [`TARGET_VARIABLE`] when no command is given. As an argument it would take a mistyped
    /// command for a host.
    #[arg(skip)]
    pub(crate) target: Option<Address>,

    /// What to log: OFF, ERROR, WARN, INFO, DEBUG or TRACE, in any case
    #[arg(long = "log_level", visible_alias = "log-level", env = "ECHO_LOADTEST_LOG_LEVEL")]
    #[arg(value_name = "LEVEL", default_value = "INFO", value_parser = logging::level)]
    #[arg(global = true)]
    pub(crate) log_level: LevelFilter,

    /// Show no progress, only the results: with a document on standard output nothing else
    #[arg(long, env = "ECHO_LOADTEST_QUIET", value_parser = BoolishValueParser::new())]
    #[arg(global = true)]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a server under one load
    Run(Box<TargetedRunArgs>),
    /// Find the highest rate at which a server meets its objectives
    ///
    /// Every round is a run of its own with the flags for the load: --rate is where the search begins,
    /// --duration how long each round is measured.
    Capacity(Box<CapacityArgs>),
    /// Measure two servers in turn and tell whether they differ
    ///
    /// Every round is two runs, one of each server, with the flags for the load.
    Compare(Box<CompareArgs>),
    /// Add up the reports of generators that shared a load
    ///
    /// Histograms and counts are added exactly. Reports of other loads, of other servers, or of
    /// generators that did not measure at the same time are refused.
    Merge(MergeArgs),
    /// Make an HTML page of reports
    Report(ReportArgs),
    /// Print the completions for a shell
    // Not hidden, like the next: who packages this has to find them.
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages, one for each command
    Man {
        /// The folder that they go to; it is made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// The flags of `run`, and its target.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct TargetedRunArgs {
    /// The server, as HOST:PORT; an IPv6 address in brackets. Without it the echo server of this
    /// project is started inside, on a free port
    #[arg(env = TARGET_VARIABLE, value_name = "TARGET")]
    pub(crate) target: Option<Address>,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What `run` is told but for its target.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,

    #[command(flatten)]
    pub(crate) objectives: ObjectiveArgs,

    /// Write the interval log of the HdrHistogram tools, times in nanoseconds, while the run goes on;
    /// - is standard output
    #[arg(long, env = "ECHO_LOADTEST_HDR", value_name = "FILE", help_heading = "Output")]
    pub(crate) hdr: Option<PathBuf>,

    /// Write the times of every single message as CSV: its connection, and when it was due, sent and
    /// back, in nanoseconds. It costs time: not for the highest rates
    #[arg(long, env = "ECHO_LOADTEST_SAMPLES", value_name = "FILE", help_heading = "Output")]
    pub(crate) samples: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What has to hold.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ObjectiveArgs {
    /// An objective, such as 'p99<2ms', 'errors<0.1%' or 'rate>=0.99'; repeat it, or give several with
    /// commas between them. A broken one makes the exit code 99
    #[arg(long, env = "ECHO_LOADTEST_SLO", value_name = "OBJECTIVE", value_delimiter = ',')]
    pub(crate) slo: Vec<Slo>,
}

/// Where the document goes that there is of everything that is measured.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct DocumentArgs {
    /// Write the whole report as JSON; - is standard output, the table then goes to standard error
    #[arg(long, env = "ECHO_LOADTEST_JSON", value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Where results of runs go besides standard output.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    #[command(flatten)]
    pub(crate) document: DocumentArgs,

    /// Write the report as a page for a browser, without need of a network; - is standard output
    #[arg(long, env = "ECHO_LOADTEST_HTML", value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// What `merge` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct MergeArgs {
    /// The reports (--json) of all generators that shared a load
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) objectives: ObjectiveArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What `report` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Reports (--json) of runs, several of which are laid over each other; or that of a capacity
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The page; - is standard output
    #[arg(long, env = "ECHO_LOADTEST_HTML", value_name = "FILE")]
    pub(crate) html: PathBuf,
}

impl Args {
    /// Takes the command line and the environment. Nonsense ends the process here, with a sentence
    /// that names the flag, and the code for wrong usage.
    pub(crate) fn from_environment() -> Self {
        let matches = Self::command().get_matches();
        let mut args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        match args.take_target().and_then(|()| args.check()) {
            Ok(()) => args,
            Err(sentence) => usage_error(matches.subcommand_name(), sentence).exit(),
        }
    }

    fn take_target(&mut self) -> Result<(), String> {
        let variable = env::var_os(TARGET_VARIABLE).filter(|_| self.command.is_none());
        let told = |reason: String| format!("{TARGET_VARIABLE}: {reason}");
        let target = variable.map(|text| text.to_string_lossy().parse()).transpose();
        self.target = target.map_err(told)?;
        Ok(())
    }

    /// What clap does not see, for it would count a variable that says false as a use of its flag.
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

/// As clap tells one: with the usage of the command that was given.
fn usage_error(name: Option<&str>, sentence: String) -> clap::Error {
    let mut program = Args::command();
    // The names of commands are made whole by this: `loadtest run`.
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
    /// `others` are the files that a run writes while it goes on.
    fn check(&self, others: &[&Path]) -> Result<(), String> {
        let files: Vec<_> = self.files().chain(others.iter().copied()).collect();
        for (index, file) in files.iter().enumerate() {
            if files.iter().skip(index + 1).any(|other| other == file) {
                let name = file.display();
                return Err(format!(
                    "--json, --html, --hdr and --samples cannot all go to {name}: name one each"
                ));
            }
        }
        Ok(())
    }

    /// Whether standard output carries a document, which a table would spoil.
    pub(crate) fn takes_standard_output(&self, hdr: Option<&Path>) -> bool {
        self.files().chain(hdr).any(files::is_standard_output)
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        [self.document.json.as_deref(), self.html.as_deref()].into_iter().flatten()
    }
}

impl DocumentArgs {
    /// See [`OutputArgs::takes_standard_output`].
    pub(crate) fn takes_standard_output(&self) -> bool {
        self.json.as_deref().is_some_and(files::is_standard_output)
    }
}
