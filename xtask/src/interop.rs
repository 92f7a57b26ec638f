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

use crate::check::Check;
use crate::packages::with_packages;

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
