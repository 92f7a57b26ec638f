//! What a message and a connection cost, counted instead of timed: instructions of representative
//! work, and system calls of the release server. A machine that is busy with something else counts
//! the same.
//!
//! What the counts were is kept in `xtask/counts.json`; `cargo xtask counts --update` counts anew. The
//! promises about calls, one `recv` and one `send` for a message, stand in the checks themselves.

mod calls;
mod instructions;
mod kept;
mod watched;

use std::process::ExitCode;

use crate::check::{Check, run_all, say};
use kept::Kept;

#[derive(Debug, clap::Args)]
pub(crate) struct Counts {
    /// Only checks whose name contains this
    filter: Option<String>,
    /// Checks nothing: counts, and keeps what comes of it
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

/// One check for each piece of work, and one for each kind of traffic.
fn checks() -> Vec<Check> {
    let kept = Kept::read();
    let instructions = instructions::checks(&kept);
    instructions.into_iter().chain(calls::checks(kept.calls_of_100_connections)).collect()
}

fn update() -> ExitCode {
    let (old, new) = (Kept::read(), count());
    match new {
        Err(missing) => {
            say(format_args!("nothing can be counted here: {missing}"));
            ExitCode::FAILURE
        }
        Ok(new) => {
            new.differences(&old).iter().for_each(say);
            new.write();
            ExitCode::SUCCESS
        }
    }
}

fn count() -> Result<Kept, String> {
    let instructions = instructions::count_all()?;
    let calls_of_100_connections = calls::of_connections()?;
    Ok(Kept { tools: instructions::tools(), instructions, calls_of_100_connections })
}
