//! A load tester for newline-delimited TCP echo servers: it verifies every byte that comes back,
//! counts waiting time from when a message was due, and says when its own figures cannot be trusted.

pub mod address;
pub mod capacity;
pub mod compare;
pub mod distribution;
pub mod engine;
#[cfg(test)]
mod fake;
pub mod files;
pub mod hdr_log;
pub mod human;
pub mod json;
pub mod machine;
pub mod merge;
pub mod objective;
pub mod page;
pub mod plan;
pub mod progress;
pub mod run_report;
#[cfg(test)]
mod sample;
pub mod samples_file;
pub mod statistics;
pub mod table;
pub mod target;
pub mod verdict;
