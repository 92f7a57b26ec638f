//! The threads around the core: each loop waits, then gives its worker or its acceptor a turn.
//!
//! This folder names channels, atomics and the clock, but neither sockets nor the event library: the
//! loops know these by the traits in [`crate::seams`].

pub(crate) mod acceptor_loop;
pub(crate) mod assemble;
pub(crate) mod crew;
pub(crate) mod handoff;
pub(crate) mod report;
pub(crate) mod sync;
pub(crate) mod worker_loop;
