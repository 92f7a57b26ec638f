//! The threads of a load: each driver waits, then gives its connections their turns, and the coordinator
//! puts the report together.
//!
//! This folder names channels, atomics and threads. It knows sockets, timers and the kernel only by what
//! [`system`](super::system) offers.

pub(crate) mod coordinator;
pub(crate) mod crew;
pub(crate) mod driver;
pub(crate) mod flood;
pub(crate) mod series;
pub(crate) mod shared;
pub(crate) mod summary;
