pub(crate) mod circumstances;
pub(crate) mod markdown;
pub(crate) mod overview;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod table;
