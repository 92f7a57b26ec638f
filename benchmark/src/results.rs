//! The results of one run in one setting. All of them are from one commit and one machine, which the
//! header names.

mod comparison;
mod content;
mod file;
mod header;
mod rank;

pub(crate) use comparison::{Comparison, Conditions};
pub(crate) use content::Results;
pub(crate) use file::ResultsFile;
pub(crate) use header::{CHANGED, Entry, Header, State};
pub(crate) use rank::rank;
