//! What rounds say: figures, ratios with their intervals, and whether a bar is met. Everything here is
//! pure.

pub(crate) mod bar;
pub(crate) mod figure;
pub(crate) mod finding;
pub(crate) mod metric;
pub(crate) mod outcome;
