pub(crate) mod idle;
pub(crate) mod measuring;
pub(crate) mod orphans;
pub(crate) mod pair;
pub(crate) mod watch;
