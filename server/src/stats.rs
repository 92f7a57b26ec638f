//! Counters: each worker writes its own, anyone may read them all.

use std::iter::Sum;
use std::ops::Add;

use crossbeam_utils::CachePadded;

use crate::threads::sync::{AtomicU64, Ordering};

/// Defines the plain counters, their shared form, and the copying between the two.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What has been counted since the server started. Counters only grow.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// One worker's counters: that worker stores, everybody else loads.
        #[derive(Debug, Default)]
        pub(crate) struct SharedStats(CachePadded<Cells>);

        #[derive(Debug, Default)]
        struct Cells {
            $($name: AtomicU64,)*
        }

        impl SharedStats {
            /// Shows the worker's counters to everybody. What a reader sees of `closed` happened
            /// before: those sockets are closed.
            pub(crate) fn publish(&self, stats: &Stats) {
                $(self.0.$name.store(stats.$name, Ordering::Release);)*
            }

            /// The counters as they were at the last [`publish`](Self::publish).
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.0.$name.load(Ordering::Acquire),)* }
            }

            /// Connections that ended, without looking at the rest.
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
    /// Connections taken over by a worker, probes included.
    adopted,
    /// Connections that ended, probes included.
    closed,
    /// Connections that ended without having sent a byte, such as health checks.
    probes,
    /// Bytes received to be echoed.
    received,
    /// Bytes sent back.
    sent,
    /// Messages received: lines, and an unterminated rest at the end of the stream. A line longer
    /// than the limit is one message, however many pieces it goes back in.
    messages,
    /// Connections that ended by a reset or another error of the connection. A probe that resets is
    /// only a probe.
    failed,
    /// Connections closed because nothing moved for the idle timeout.
    idle,
    /// Connections that were owed bytes, or whose peer's system had not acknowledged all of them, when
    /// the drain timeout ended them.
    cut,
    /// Log records of connections and messages that were counted instead of shown.
    not_shown,
}

impl Stats {
    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.adopted.saturating_sub(self.closed)
    }

    /// Connections so far, without the probes. One that has not sent anything yet counts.
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
        assert_eq!((shared.snapshot(), shared.closed()), (stats, 1));
    }

    #[test]
    fn sums_add_up() {
        let one = Stats { adopted: 3, closed: 1, probes: 1, ..Stats::default() };
        let sum: Stats = [one, one].into_iter().sum();
        assert_eq!((sum.adopted, sum.open(), sum.connections()), (6, 4, 4));
    }
}
