//! What the tests are made of: servers in this process and programs outside, peers with deadlines,
//! repeatable randomness, made-up reports, and what the system says of a process.
//!
//! Every wait has a deadline and says what it waited for; sleeps only let time pass that is observed.

// A harness fails by panicking and talks on stderr; the lints are for what users run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

pub mod alone;
pub mod content;
pub mod packages;
pub mod peer;
pub mod proc_fs;
pub mod process;
pub mod random;
pub mod records;
pub mod reports;
pub mod running;
pub mod wait;
pub mod workspace;

/// The example in the README is a program that compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
