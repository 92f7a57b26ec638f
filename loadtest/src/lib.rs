//! A load tester for newline-delimited TCP echo servers: it verifies every byte that comes back,
//! counts waiting time from when a message was due, and says when its own figures cannot be trusted.

pub mod distribution;
pub mod engine;
pub mod machine;
pub mod plan;
pub mod run_report;
pub mod verdict;
