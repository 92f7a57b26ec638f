//! A load tester for newline-delimited TCP echo servers. It verifies every byte that comes back, counts
//! waiting time from when a message was due, and says when its own figures cannot be trusted.
//!
//! A [`plan::Plan`] says what to do, [`engine::run`] does it, and the [`run_report::RunReport`] that it
//! returns says what was found. [`capacity`] and [`compare`] make many runs.

pub mod address;
pub mod capacity;
pub mod compare;
pub mod engine;
pub mod files;
pub mod formatting;
#[cfg(test)]
mod harness;
pub mod plan;
mod report;
mod show;
pub mod statistics;
pub mod target;

pub use report::{
    distribution, hdr_log, machine, merge, objective, run_report, samples_file, verdict,
};
pub use show::{json, page, table};
