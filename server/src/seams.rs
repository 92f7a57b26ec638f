//! What the core asks of its surroundings: traits, and the values that cross them. The system, the
//! simulation and the model checker each put their own parts behind them.

pub(crate) mod close_reason;
pub(crate) mod journal;
pub(crate) mod listener;
pub(crate) mod mailbox;
pub(crate) mod peer;
pub(crate) mod poller;
pub(crate) mod stream;
