//! Fault injection: system calls of the release build fail on purpose, while peers on the loopback
//! interface compare every byte.
//!
//! The checks form a table. The name of a check is the fault; its text is the promise and what the check
//! observed. strace returns the error in place of the call, and the kernel never sees the call. strace
//! counts the calls of each thread separately. A check fails if its fault never occurred.
//!
//! These faults are left out, because there is no promise to check:
//! - A receive that "would block" or is cut short although more data has arrived. The kernel does
//!   neither. An edge-triggered server waits for an edge, which would then not come. The same holds for
//!   a send that "would block" right after the event that says there is room.
//! - Memory that runs out (`mmap`, `brk`), because Rust then aborts.
//! - A waker's write, apart from signals. It fails only if the kernel lacks memory for a counter that
//!   already exists.
//! - Options of a single connection, because on Linux it inherits those of the listener. Setting the
//!   listener's options can only fail at the start.

mod accepting;
mod connection;
mod ending;
mod event_queue;
mod interrupted;
mod peers;
mod row;
mod standard_error;
mod startup;
mod traced;

use crate::check::Check;

/// Returns one check per fault, in the order of a server's life.
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
