//! Tests the server from the side of its peers, over the loopback interface.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod bulk;
mod contract;
mod counters;
mod crowd;
mod half_close;
mod idle;
#[cfg(target_os = "linux")]
mod leaks;
mod limit;
mod lines;
mod listening;
mod neighbours;
#[cfg(target_os = "linux")]
mod quiet;
mod resets;
mod settings;
mod shutdown;
mod slow_peers;
mod urgent;
