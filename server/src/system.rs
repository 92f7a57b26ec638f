//! The operating system, behind the seams. This is the only folder that names the event library, sockets
//! or the kernel.

pub(crate) mod mio_poller;
pub(crate) mod scheduling;
pub(crate) mod socket;
