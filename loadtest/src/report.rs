//! The report of a run: the document, its verdict and objectives, its histograms, and the sum of several
//! reports. Nothing in here knows the engine.

pub mod distribution;
pub mod hdr_log;
pub mod machine;
pub mod merge;
pub mod objective;
pub mod run_report;
pub mod samples_file;
pub mod verdict;
