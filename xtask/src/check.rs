//! Runs checks one after the other and prints each result.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

pub(crate) use echo_tests::workspace::say;

/// The result of a check that did not fail. A check fails by panicking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The check passed. The text says what the check observed.
    Passed(String),
    /// Nothing was checked. The text says what this machine lacks.
    Skipped(String),
}

/// Shorthand for [`Outcome::Passed`].
pub(crate) fn passed(seen: impl fmt::Display) -> Outcome {
    Outcome::Passed(seen.to_string())
}

/// Shorthand for [`Outcome::Skipped`].
pub(crate) fn skipped(missing: impl fmt::Display) -> Outcome {
    Outcome::Skipped(missing.to_string())
}

/// One check of a task.
pub(crate) struct Check {
    name: String,
    run: Box<dyn FnOnce() -> Outcome>,
}

impl Check {
    /// Creates a check. `run` returns the result, or panics if the check fails.
    pub(crate) fn new(name: impl Into<String>, run: impl FnOnce() -> Outcome + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// Runs the checks whose name contains `filter`. Prints one line per check, then the totals.
///
/// The exit code is 0 when no check failed and at least one was chosen.
pub(crate) fn run_all(checks: Vec<Check>, filter: Option<&str>) -> ExitCode {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for Check { name, run } in checks {
        if filter.is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(run));
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(Outcome::Passed(seen)) => {
                passed += 1;
                say(format_args!("ok       {name}: {seen} ({seconds:.1} s)"));
            }
            Ok(Outcome::Skipped(missing)) => {
                skipped += 1;
                say(format_args!("skipped  {name}: {missing}"));
            }
            // The panic message has already said why.
            Err(_) => {
                failed += 1;
                say(format_args!("FAILED   {name} ({seconds:.1} s)"));
            }
        }
    }
    say(format_args!("{passed} passed, {failed} failed, {skipped} skipped"));
    match (passed + skipped, failed) {
        (1.., 0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
