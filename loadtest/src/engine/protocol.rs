//! What a connection says, and what it makes of the replies: what to send, what must come back, when a
//! reply is late, and what is counted.
//!
//! This folder is pure: bytes and times go in, decisions come out. It names no socket, channel, thread
//! or clock, and imports neither [`threads`](super::threads) nor a part of the system.

pub(crate) mod arrivals;
pub(crate) mod content;
pub(crate) mod conversation;
pub(crate) mod exchange;
pub(crate) mod fault;
pub(crate) mod inspection;
pub(crate) mod orders;
pub(crate) mod recorder;
pub(crate) mod retries;
pub(crate) mod window;
