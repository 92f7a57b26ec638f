//! The operating system: sockets, timestamps, timers, the clock, and what the kernel says about a thread.
//! Only this folder names sockets or the kernel.

pub(crate) mod alarm;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod socket;
pub(crate) mod stamps;
