//! Our server against its peers.

mod findings;
mod measure;
mod pages;
pub mod peers;
mod plan;
mod results;
mod run;
mod workload;

pub use run::Compare;
