//! Checks that need Debian packages.

pub(crate) use echo_tests::packages::install;

use crate::check::{Check, Outcome, skipped};

/// Returns a check that installs `packages` first, and is skipped if they cannot be installed.
pub(crate) fn with_packages(
    name: &str,
    packages: &'static [&'static str],
    run: impl FnOnce() -> Outcome + 'static,
) -> Check {
    Check::new(name, move || match install(packages) {
        Ok(()) => run(),
        Err(reason) => skipped(reason),
    })
}
