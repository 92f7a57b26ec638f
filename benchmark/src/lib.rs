//! Compares our server with other echo servers: builds them, measures each under the same load as ours,
//! and writes the results, PERFORMANCE.md and the tables of all figures.
//!
//! | module | what |
//! |---|---|
//! | `setting`, `workload` | what is measured, as data |
//! | [`peers`] | how each peer is built and started |
//! | `plan`, `run` | the order of a run, and the run |
//! | `measure` | starts servers and load testers; the only folder with processes, sockets and clocks |
//! | `results` | the files of results, as JSON lines |
//! | `findings` | what rounds say: figures, ratios, bars. Pure |
//! | `pages` | the documents that follow from the results |

mod findings;
mod measure;
mod pages;
pub mod peers;
mod plan;
mod results;
mod run;
#[cfg(test)]
mod sample;
mod setting;
mod workload;

pub use pages::report;
pub use run::Run;
