//! Fault injection: system calls of the release build that fail on purpose, while peers on the
//! loopback interface compare every byte.
//!
//! The checks are a table: the name is the fault, the text is the promise and what was seen. strace
//! puts the error in the place of the call, which is not made. It counts each thread's calls on its
//! own, and a check fails when its fault has not struck.
//!
//! Left out, because there is no promise to check:
//! - Receives that "would block" or are cut short although more has come. The kernel does neither,
//!   and an edge-triggered server waits, by design, for an edge that it would then not get. The same
//!   holds for a send that "would block" again right after the event that says there is room.
//! - Memory that runs out (`mmap`, `brk`): Rust aborts.
//! - A waker's write, signals aside: it fails only when the system lacks memory for a counter that
//!   it has already.
//! - Options of a single connection: on Linux it has those of the listener. Setting these can only
//!   fail at the start.

mod accepting;
mod connection;
mod ending;
mod event_queue;
mod interrupted;
mod peers;
mod standard_error;
mod startup;
mod traced;

use crate::check::{Check, kept, skipped};
use crate::strace;

/// One check a fault, in the order of a server's life.
pub(crate) fn checks() -> Vec<Check> {
    [
        startup::checks(),
        interrupted::checks(),
        accepting::checks(),
        connection::checks(),
        event_queue::checks(),
        ending::checks(),
        standard_error::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A row of the table; `run` returns what was seen.
fn row(
    fault: impl Into<String>,
    promise: &'static str,
    run: impl FnOnce() -> String + 'static,
) -> Check {
    Check::new(fault, move || match strace::is_possible() {
        Ok(()) => kept(format_args!("{promise}; seen: {}", run())),
        Err(missing) => skipped(missing),
    })
}
