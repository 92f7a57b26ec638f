//! Measures the cost of a message and of a connection by counting instead of timing: the instructions
//! of representative work, and the system calls of the release server. The counts do not depend on how
//! busy the machine is.
//!
//! The expected counts are in `xtask/counts.json`; `cargo xtask counts --update` counts anew and writes
//! that file. The promise of one `recv` and one `send` per message stands in the checks themselves.

mod baseline;
mod calls;
mod instructions;
mod watched;

use std::process::ExitCode;

use crate::check::{Check, run_all, say};
use baseline::Baseline;

#[derive(Debug, clap::Args)]
pub(crate) struct Counts {
    /// Runs only the checks whose name contains this text
    filter: Option<String>,
    /// Counts anew, stores the counts as the expected ones, and checks nothing
    #[arg(long, conflicts_with = "filter")]
    update: bool,
}

impl Counts {
    pub(crate) fn run(self) -> ExitCode {
        match self.update {
            false => run_all(checks(), self.filter.as_deref()),
            true => update(),
        }
    }
}

/// Returns one check for each piece of work and one for each kind of traffic.
fn checks() -> Vec<Check> {
    let baseline = Baseline::read();
    let instructions = instructions::checks(&baseline);
    instructions.into_iter().chain(calls::checks(baseline.calls_of_100_connections)).collect()
}

fn update() -> ExitCode {
    let (old, new) = (Baseline::read(), count());
    match new {
        Err(missing) => {
            say(format_args!("cannot count on this machine: {missing}"));
            ExitCode::FAILURE
        }
        Ok(new) => {
            new.differences(&old).iter().for_each(say);
            new.write();
            ExitCode::SUCCESS
        }
    }
}

fn count() -> Result<Baseline, String> {
    let instructions = instructions::count_all()?;
    let calls_of_100_connections = calls::of_connections()?;
    Ok(Baseline { tools: instructions::tools(), instructions, calls_of_100_connections })
}
