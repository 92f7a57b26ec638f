//! The server as its peers see it, over the loopback interface.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
