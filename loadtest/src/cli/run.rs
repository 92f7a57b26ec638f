//! `loadtest run`: one server under one load.

use std::sync::Arc;

use echo_common::command_line::{complain, exit};
use echo_loadtest::address::Address;
use echo_loadtest::plan::Plan;
use echo_loadtest::samples_file::SamplesFile;

use crate::PROGRAM;
use crate::cli::arguments::{RunArgs, Verbosity};
use crate::cli::results;
use crate::cli::session::Session;

/// Measures a server and returns the exit code.
///
/// # Errors
/// A sentence when the run could not start, or a file could not be written.
pub(crate) fn run(
    target: Option<&Address>,
    args: &RunArgs,
    verbosity: Verbosity,
) -> Result<u8, String> {
    let session = Session::new(verbosity)?;
    let hdr = args.hdr.as_deref();
    let samples = args.samples.as_deref().map(SamplesFile::create).transpose()?.map(Arc::new);
    let report = Session::with_target(target, &args.load, |plan| {
        session.run_logged(&Plan { samples: samples.clone(), ..plan }, hdr)
    });
    let sampled = samples.map_or(Ok(()), |samples| samples.finish());
    match report {
        Ok((report, logged)) => {
            let report = results::judged(report, &args.objectives.slo);
            let code = results::conclude_run(&report, &args.output, hdr, verbosity);
            logged.and(sampled).and(code)
        }
        Err(message) if session.is_stopped() => {
            complain(PROGRAM, &message);
            Ok(exit::INTERRUPTED)
        }
        Err(message) => Err(message),
    }
}
