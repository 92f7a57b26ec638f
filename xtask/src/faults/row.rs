//! A row of the table of faults.

use crate::check::{Check, passed, skipped};
use crate::strace;

/// Returns the check of one fault. `run` returns what it observed.
pub(super) fn row(
    fault: impl Into<String>,
    promise: &'static str,
    run: impl FnOnce() -> String + 'static,
) -> Check {
    Check::new(fault, move || match strace::ensure_available() {
        Ok(()) => passed(format_args!("{promise}; observed: {}", run())),
        Err(missing) => skipped(missing),
    })
}
