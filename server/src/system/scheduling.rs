//! How threads of the server share a CPU. This module knows nothing of their work.

use echo_common::scheduling;

/// Stops the calling thread from interrupting a running thread when it wakes up, see
/// [`scheduling::wait_for_turn`]. Changes nothing where the system refuses.
pub(crate) fn wait_for_turn() {
    if let Err(refused) = scheduling::wait_for_turn() {
        log::debug!("{refused}");
    }
}
