//! Counters. Each worker writes its own, and any thread may read them.

use std::iter::Sum;
use std::ops::Add;

use crossbeam_utils::CachePadded;

use crate::threads::sync::{AtomicU64, Ordering};

/// Defines the counters, their shared form, and how one is copied to the other.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a server has counted since its start. Counters only grow.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters of one worker. This worker stores them, other threads load them.
        #[derive(Debug, Default)]
        pub(crate) struct SharedStats(CachePadded<Cells>);

        #[derive(Debug, Default)]
        struct Cells {
            $($name: AtomicU64,)*
        }

        impl SharedStats {
            /// Publishes the worker's counters. A connection that a reader sees in `closed` has closed
            /// its socket already.
            pub(crate) fn publish(&self, stats: &Stats) {
                $(self.0.$name.store(stats.$name, Ordering::Release);)*
            }

            /// Returns the counters of the last [`publish`](Self::publish).
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.0.$name.load(Ordering::Acquire),)* }
            }

            /// Returns only the number of connections that were adopted.
            pub(crate) fn adopted(&self) -> u64 {
                self.0.adopted.load(Ordering::Acquire)
            }

            /// Returns only the number of connections that ended.
            pub(crate) fn closed(&self) -> u64 {
                self.0.closed.load(Ordering::Acquire)
            }
        }

        impl Add for Stats {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($name: self.$name + other.$name,)* }
            }
        }
    };
}

counters! {
    /// Connections that a worker has adopted, including probes.
    adopted,
    /// Connections that ended, including probes.
    closed,
    /// Connections that ended before they sent a byte, such as health checks.
    probes,
    /// Bytes received to be echoed.
    received,
    /// Bytes sent back.
    sent,
    /// Messages received: each line is one, and so is an unfinished line at the end of the stream. A
    /// line that is longer than the limit is one message too, although it goes back in pieces.
    messages,
    /// Connections that ended with a reset or another error. A probe that resets does not count here.
    failed,
    /// Connections closed because no byte moved for the idle timeout.
    idle,
    /// Connections that the drain timeout ended before the peer's system had acknowledged all of the
    /// echo.
    cut,
    /// Log records of connections and messages that were counted instead of shown.
    not_shown,
}

impl Stats {
    /// Returns the number of connections that are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.adopted.saturating_sub(self.closed)
    }

    /// Returns the number of connections so far without probes. A connection that has not sent a byte
    /// yet, and is open, counts.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.adopted.saturating_sub(self.probes)
    }
}

impl Sum for Stats {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_what_is_read() {
        let shared = SharedStats::default();
        let stats = Stats { adopted: 3, closed: 1, sent: 9, ..Stats::default() };
        shared.publish(&stats);
        assert_eq!((shared.snapshot(), shared.adopted(), shared.closed()), (stats, 3, 1));
    }

    #[test]
    fn sums_add_up() {
        let one = Stats { adopted: 3, closed: 1, probes: 1, ..Stats::default() };
        let sum: Stats = [one, one].into_iter().sum();
        assert_eq!((sum.adopted, sum.open(), sum.connections()), (6, 4, 4));
    }
}
