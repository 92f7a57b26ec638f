//! The commands that make many runs.

use echo_common::command_line::exit;
use echo_common::cpus;
use echo_loadtest::capacity::{self, CapacityReport, Ending};
use echo_loadtest::compare::{self, CompareReport, SideRunner};
use echo_loadtest::plan::{Arrival, Plan};
use echo_loadtest::run_report::VerdictKind;
use log::warn;

use crate::args::{CapacityArgs, CompareArgs};
use crate::outcome::{EXIT_NOT_VALID, EXIT_OBJECTIVE};
use crate::results;
use crate::session::Session;

/// Searches the capacity; the exit code.
///
/// # Errors
/// A sentence when not even the first round could be run, or a file not be written.
pub(crate) fn capacity(args: &CapacityArgs, quiet: bool) -> Result<u8, String> {
    let session = Session::new(quiet)?;
    let defaults = capacity::Settings::default();
    let settings = capacity::Settings {
        start_rate: args.load.rate.unwrap_or(defaults.start_rate),
        max_rate: args.max_rate.unwrap_or(defaults.max_rate),
        precision: args.precision,
        confirmations: args.repeats,
        tells_rounds: !quiet,
        ..defaults
    };
    let report = Session::with_target(args.target.as_ref(), &args.load, |plan| {
        capacity::find(&settings, &args.objectives.slo, |rate| {
            session.run(&Plan { arrival: at_rate(plan.arrival, rate), ..plan.clone() })
        })
    })?;
    results::conclude_capacity(&report, &args.output, quiet)?;
    Ok(code_of_capacity(&report))
}

/// The same kind of open loop, constant if none was chosen, at another rate.
fn at_rate(arrival: Arrival, rate: f64) -> Arrival {
    match arrival {
        Arrival::Poisson(_) => Arrival::Poisson(rate),
        Arrival::Closed | Arrival::Constant(_) => Arrival::Constant(rate),
    }
}

/// What was found stands also where the search ended early; a search that could not be finished is
/// no failure of the server's.
fn code_of_capacity(report: &CapacityReport) -> u8 {
    match report.ending {
        Ending::Interrupted => exit::INTERRUPTED,
        Ending::Failed { .. } => exit::FAILED,
        Ending::NoRateHeld => EXIT_OBJECTIVE,
        Ending::GeneratorLimited | Ending::RoundsUsedUp => EXIT_NOT_VALID,
        Ending::Found | Ending::HighestRateHeld => exit::OK,
    }
}

/// Compares two servers; the exit code.
///
/// # Errors
/// A sentence when neither could be measured, or a file not be written.
pub(crate) fn compare(args: &CompareArgs, quiet: bool) -> Result<u8, String> {
    let session = Session::new(quiet)?;
    let nowhere = ([127, 0, 0, 1], 0).into();
    let plan = args.load.plan(nowhere)?;
    let settings = compare::Settings {
        rounds: args.rounds,
        seed: plan.seed,
        fail_if: args.fail_if.clone(),
        tells_rounds: !quiet,
        ..compare::Settings::default()
    };
    warn_of_one_core(args);
    let (a, b) = (args.a.clone(), args.b.clone());
    let names = (a.to_string(), b.to_string());
    let mut runner =
        SideRunner::new(a, b, plan, args.pin_server.clone(), |plan: &Plan| session.run(plan));
    let report =
        compare::compare(&settings, &names.0, &names.1, |side, seed| runner.measure(side, seed))?;
    results::conclude(&report, &args.output, quiet)?;
    Ok(code_of_comparison(&report))
}

/// No verdict sees it: both are slower than they would be, and neither waits for a CPU.
fn warn_of_one_core(args: &CompareArgs) {
    let (Some(servers), Some(clients)) = (&args.pin_server, &args.load.pin_client) else { return };
    if let Some((server, client)) = cpus::on_one_core(servers, clients) {
        warn!(
            "servers and load tester slow each other on one core: server_cpu={server} client_cpu={client}"
        );
    }
}

fn code_of_comparison(report: &CompareReport) -> u8 {
    if report.interrupted {
        exit::INTERRUPTED
    } else if report.errors() > 0 {
        exit::FAILED
    } else if report.verdict.kind != VerdictKind::Valid {
        EXIT_NOT_VALID
    } else if report.is_broken() {
        EXIT_OBJECTIVE
    } else {
        exit::OK
    }
}
