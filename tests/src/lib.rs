//! The harness of the tests: servers in this process, programs as child processes, peers with
//! deadlines, repeatable randomness, made-up reports, and what the system reports about a process.
//!
//! Every wait has a deadline, and its message says what the test waited for. A test sleeps only while
//! it observes that nothing happens.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a harness fails a test by panicking, and writes to stderr"
)]

pub mod alone;
pub mod content;
pub mod packages;
pub mod peer;
pub mod proc_fs;
pub mod process;
pub mod python;
pub mod random;
pub mod records;
pub mod reports;
pub mod running;
pub mod sources;
pub mod wait;
pub mod workspace;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
