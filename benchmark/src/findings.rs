pub(crate) mod bar;
pub(crate) mod figure;
pub(crate) mod finding;
pub(crate) mod metric;
