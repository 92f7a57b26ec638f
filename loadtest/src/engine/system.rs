//! The operating system: sockets, timestamps, timers, the clock, and what the kernel says about a thread.
//! Only this folder names sockets or the kernel. The event library is also named by what waits for
//! events: the driver and the crew.

pub(crate) mod alarm;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod socket;
pub(crate) mod stamps;
