//! `loadtest capacity`: the highest rate at which a server meets its objectives.

use echo_common::command_line::exit;
use echo_loadtest::capacity::{self, CapacityReport, Ending};
use echo_loadtest::plan::{Arrival, Plan};

use crate::cli::arguments::{CapacityArgs, Verbosity};
use crate::cli::exit_code::{EXIT_NOT_VALID, EXIT_OBJECTIVE};
use crate::cli::results;
use crate::cli::session::Session;

/// Searches for the capacity and returns the exit code.
///
/// # Errors
/// A sentence when the first round could not be run, or a file could not be written.
pub(crate) fn capacity(args: &CapacityArgs, verbosity: Verbosity) -> Result<u8, String> {
    let session = Session::new(verbosity)?;
    let defaults = capacity::Settings::default();
    let settings = capacity::Settings {
        start_rate: args.load.rate.unwrap_or(defaults.start_rate),
        max_rate: args.max_rate.unwrap_or(defaults.max_rate),
        precision: args.precision,
        confirmations: args.repeats,
        tells_rounds: verbosity == Verbosity::Normal,
        ..defaults
    };
    let report = Session::with_target(args.target.as_ref(), &args.load, |plan| {
        capacity::find(&settings, &args.objectives.slo, |rate| {
            session.run(&Plan { arrival: at_rate(plan.arrival, rate), ..plan.clone() })
        })
    })?;
    results::conclude_capacity(&report, &args.output, verbosity)?;
    Ok(code_of_capacity(&report))
}

/// Returns the same kind of open loop at another rate. A closed loop becomes a constant rate.
fn at_rate(arrival: Arrival, rate: f64) -> Arrival {
    match arrival {
        Arrival::Poisson(_) => Arrival::Poisson(rate),
        Arrival::Closed | Arrival::Constant(_) => Arrival::Constant(rate),
    }
}

/// Returns the exit code for the ending of a search.
fn code_of_capacity(report: &CapacityReport) -> u8 {
    match report.ending {
        Ending::Interrupted => exit::INTERRUPTED,
        Ending::Failed { .. } => exit::FAILED,
        Ending::NoRateHeld => EXIT_OBJECTIVE,
        Ending::GeneratorLimited | Ending::RoundsUsedUp => EXIT_NOT_VALID,
        Ending::Found | Ending::HighestRateHeld => exit::OK,
    }
}
