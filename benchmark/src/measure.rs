//! Measures: this folder starts servers and load testers, opens sockets and reads clocks. Nothing else
//! here does.

pub(crate) mod idle;
mod job;
mod origin;
mod orphans;
pub(crate) mod pair;
mod watch;

pub(crate) use job::{Ending, Measuring};
pub(crate) use origin::Origin;
