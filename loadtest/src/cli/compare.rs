//! `loadtest compare`: two servers in turn.

use echo_common::command_line::exit;
use echo_common::cpus;
use echo_loadtest::compare::{self, CompareReport, SideRunner};
use echo_loadtest::plan::Plan;
use echo_loadtest::run_report::VerdictKind;
use log::warn;

use crate::cli::arguments::{CompareArgs, NOWHERE, Verbosity};
use crate::cli::exit_code::{EXIT_NOT_VALID, EXIT_OBJECTIVE};
use crate::cli::results;
use crate::cli::session::Session;

/// Compares two servers and returns the exit code.
///
/// # Errors
/// A sentence when a server could not be measured at all, or a file could not be written.
pub(crate) fn compare(args: &CompareArgs, verbosity: Verbosity) -> Result<u8, String> {
    let session = Session::new(verbosity)?;
    let plan = args.load.plan(NOWHERE)?;
    let settings = compare::Settings {
        rounds: args.rounds,
        seed: plan.seed,
        fail_if: args.fail_if.clone(),
        tells_rounds: verbosity == Verbosity::Normal,
        ..compare::Settings::default()
    };
    warn_of_one_core(args);
    let (a, b) = (args.a.clone(), args.b.clone());
    let names = (a.to_string(), b.to_string());
    let mut runner =
        SideRunner::new(a, b, plan, args.pin_server.clone(), |plan: &Plan| session.run(plan));
    let report =
        compare::compare(&settings, &names.0, &names.1, |side, seed| runner.measure(side, seed))?;
    results::conclude(&report, &args.output, verbosity)?;
    Ok(code_of_comparison(&report))
}

/// Warns when servers and load tester share a core. No verdict sees that: both are slower than they
/// would be alone, and neither waits for a CPU.
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
