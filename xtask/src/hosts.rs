//! A server host and a client host with a router between them, each in a network namespace. The checks
//! take links down, make hosts vanish, and make paths narrow and lossy.

mod namespace;
mod network;
mod outages;
mod paths;
mod traffic;
mod vanished;

use crate::check::{Check, Outcome, skipped};
use crate::packages;

use network::Network;

pub(crate) fn checks() -> Vec<Check> {
    vec![
        check("traffic", traffic::is_exact),
        check("outage of the server's link", outages::of_the_server),
        check("outage of the client's link", outages::of_the_client),
        check("outage within the path", outages::of_the_path),
        check("vanished: idle timeout", vanished::idle_timeout),
        check("vanished: silently, with unacknowledged bytes", vanished::silently),
        check("vanished: unreachable, with unacknowledged bytes", vanished::unreachable),
        check("vanished: back without its connections", vanished::restart),
        check("vanished: stop with unacknowledged output", vanished::stop_unacknowledged),
        check("vanished: stop with readers that do not read", vanished::stop_unread),
        check("vanished: stop with idle connections", vanished::stop_idle),
        check("MTU 1280 of both hosts", paths::narrow_hosts),
        check("MTU 1280 of the client", paths::narrow_client),
        check("MTU 1280 within the path, announced by the router", paths::narrow_path),
        check("MTU 1280 within the path, fragments", paths::fragments),
        check("loss and reordering", paths::lossy),
        check("stop while a slow link carries the rest", paths::slow_stop),
        // Takes more than a minute, which is the server's keepalive time.
        check("vanished: keepalive", vanished::keepalive),
    ]
}

/// Returns a check with a network of its own. It is skipped if the network cannot be created.
fn check(name: &str, run: fn(&Network) -> Outcome) -> Check {
    Check::new(name, move || {
        let network = packages::install(&["iproute2"]).and_then(|()| Network::new());
        match network {
            Ok(network) => run(&network),
            Err(missing) => skipped(missing),
        }
    })
}
