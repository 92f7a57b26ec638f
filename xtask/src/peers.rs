//! The release server spoken to by clients and proxies that nobody here wrote.
//!
//! What a peer needs is installed by its check. Every peer speaks over the loopback interface, and
//! the server's own count at the end must be that of the peers, to the byte.

mod bystander;
mod clients;
mod drain;
mod haproxy;
mod health_checks;
mod nginx;
mod proxied;
mod scripts;
mod tally;

use crate::check::{Check, Outcome, skipped};
use crate::packages::install;

/// One check a peer, and one a kind of health check.
pub(crate) fn checks() -> Vec<Check> {
    [
        clients::checks(),
        scripts::checks(),
        health_checks::checks(),
        nginx::checks(),
        drain::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A check that needs these packages, and is skipped where they cannot be had.
fn with_packages(
    name: &str,
    packages: &'static [&'static str],
    run: impl FnOnce() -> Outcome + 'static,
) -> Check {
    Check::new(name, move || match install(packages) {
        Ok(()) => run(),
        Err(reason) => skipped(reason),
    })
}
