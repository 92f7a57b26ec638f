//! The real binaries, as a user runs them: flags, environment, exit codes, log, signals, limits.
//!
//! What only a process has is tested here; the echo contract itself is tested in-process.
#![cfg(unix)]
// A test that cannot go on fails by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// A test that is skipped says so.
#![allow(clippy::print_stderr)]

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
