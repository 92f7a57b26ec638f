//! The release server with clients and proxies of other projects.
//!
//! Each check installs what its peer needs. All peers use the loopback interface. At the end, the server
//! must have counted exactly the bytes that the peers sent.

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

/// Returns one check per peer and one per kind of health check.
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
