//! The documents that follow from the results. All text is made by pure functions; only [`report`] reads
//! and writes files.

mod circumstances;
mod documents;
mod markdown;
mod overview;
mod performance;
mod plot;
mod results;
mod table;

pub use documents::report;
pub(crate) use documents::{results_path, write_results};
