//! `loadtest merge`: the reports of several generators as one.

use std::path::PathBuf;

use echo_loadtest::json;
use echo_loadtest::merge::{self, Part};
use echo_loadtest::objective::Slo;

use crate::cli::arguments::{MergeArgs, Verbosity};
use crate::cli::results;

/// Adds reports up and returns the exit code.
///
/// # Errors
/// A sentence when the reports do not belong together, or a file could not be read or written.
pub(crate) fn merge(args: &MergeArgs, verbosity: Verbosity) -> Result<u8, String> {
    let read = |path: &PathBuf| {
        json::read(path).map(|report| Part { name: path.display().to_string(), report })
    };
    let parts = args.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let merged = merge::merge(&parts)?;
    let texts = merge::objectives(&parts);
    let mut objectives =
        texts.iter().map(|text| text.parse()).collect::<Result<Vec<Slo>, String>>()?;
    objectives.extend(args.objectives.slo.iter().cloned());
    results::conclude_run(&results::judged(merged, &objectives), &args.output, None, verbosity)
}
