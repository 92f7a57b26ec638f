//! The channel and the atomics of the hand-off between threads. Under the model checker
//! (`--cfg loom`) its own parts replace them, so that it runs the hand-off in every order.

#[cfg(loom)]
mod model_channel;

#[cfg(not(loom))]
pub(crate) use {
    crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded},
    std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use {
    self::model_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded},
    loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
};
