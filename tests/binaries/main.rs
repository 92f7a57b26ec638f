//! Tests the real programs as a user runs them: flags, environment, exit codes, log, signals, limits.
//!
//! These tests are for behaviour that only a process has. The tests in `loopback` check the echo
//! contract inside the test process.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and a skipped test reports that on stderr"
)]

mod clients;
mod conversation_log;
mod demonstration;
mod flags;
mod hostile_text;
mod log_allowance;
mod shutdown;
mod sockets;
mod startup;
mod throughput_log;
mod usage;

#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod resources;
#[cfg(target_os = "linux")]
mod standard_error;
