//! A load tester for newline-delimited TCP echo servers: it verifies every byte that comes back,
//! counts waiting time from when a message was due, and says when its own figures cannot be trusted.

pub mod address;
pub mod capacity;
pub mod compare;
pub mod engine;
#[cfg(test)]
mod fake;
pub mod files;
pub mod formatting;
pub mod plan;
mod report;
#[cfg(test)]
mod sample;
mod show;
pub mod statistics;
pub mod target;

pub use formatting as human;
pub use report::{
    distribution, hdr_log, machine, merge, objective, run_report, samples_file, verdict,
};
pub use show::{json, page, table};
