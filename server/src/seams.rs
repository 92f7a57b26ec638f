//! What the core asks of the outside: the traits behind which the system, the simulation and the model
//! checker each put their own parts.

pub(crate) mod close_reason;
pub(crate) mod journal;
pub(crate) mod listener;
pub(crate) mod mailbox;
pub(crate) mod peer;
pub(crate) mod poller;
pub(crate) mod stream;
