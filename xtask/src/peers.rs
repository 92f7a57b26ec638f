//! Checks that each server that ours is compared with keeps the contract in `benchmark/peers/README.md`:
//! a figure of a server that loses bytes is worth nothing. Nothing here measures.

mod conversations;
mod running;

use benchmark::peers::{Peer, Recipe, all};

use crate::check::{Check, Outcome, passed, skipped};

use running::Running;

/// Returns one check per peer: that it starts, echoes and ends as it should.
pub(crate) fn checks() -> Vec<Check> {
    all().into_iter().map(|recipe| Check::new(recipe.name, move || check(&recipe))).collect()
}

fn check(recipe: &Recipe) -> Outcome {
    let peer = match recipe.build() {
        Ok(peer) => peer,
        Err(missing) => return skipped(missing),
    };
    for workers in [1, 2] {
        let running = Running::start(&peer, workers);
        conversations::have_all(running.address(), recipe.bytes);
        running.stop();
    }
    let Peer { version, command, .. } = peer;
    passed(format_args!("{version}, with 1 and with 2 workers: {command}"))
}
