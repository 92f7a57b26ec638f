//! `loadtest compare`: two servers in turn.

use echo_common::command_line::exit;
use echo_common::cpus;
use echo_loadtest::compare::{self, CompareReport, SideRunner};
use echo_loadtest::plan::Plan;
use echo_loadtest::run_report::VerdictKind;
use log::warn;

use crate::cli::arguments::CompareArgs;
use crate::cli::exit_code::{EXIT_NOT_VALID, EXIT_OBJECTIVE};
use crate::cli::results;
use crate::cli::session::Session;

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
