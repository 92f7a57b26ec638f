//! Puts the pieces that the threads measured together: into one series of intervals, and into one
//! total.

use std::collections::BTreeMap;

use crossbeam_channel::Sender;

use super::Observer;
use super::clock::seconds;
use super::recorder::{Latencies, Piece, Tally};
use crate::run_report::Interval;

/// See the module.
pub(crate) struct Series {
    interval_ns: u64,
    /// Not yet heard of by all threads.
    open: BTreeMap<u64, (Tally, Latencies)>,
    /// The last piece that each thread has handed over.
    heard: Vec<Option<u64>>,
    /// The next that all threads will have handed over.
    next: u64,
    recycling: Sender<Latencies>,
    pub(crate) total: Latencies,
    pub(crate) intervals: Vec<Interval>,
}

impl Series {
    pub(crate) fn new(
        threads: usize,
        is_open_loop: bool,
        interval_ns: u64,
        recycling: Sender<Latencies>,
    ) -> Self {
        Self {
            interval_ns,
            open: BTreeMap::new(),
            heard: vec![None; threads],
            next: 0,
            recycling,
            total: Latencies::new(is_open_loop),
            intervals: vec![],
        }
    }

    /// Takes what a thread measured.
    pub(crate) fn take(&mut self, piece: Box<Piece>, observer: &mut dyn Observer) {
        self.heard[piece.thread] = Some(piece.number);
        match self.open.get_mut(&piece.number) {
            None => {
                self.open.insert(piece.number, (piece.tally, piece.latencies));
            }
            Some((tally, latencies)) => {
                tally.add(piece.tally);
                latencies.add(&piece.latencies);
                self.recycle(piece.latencies);
            }
        }
        // Threads hand pieces over in order. What a thread has left out, it was too late for.
        while self.heard.iter().all(|heard| heard.is_some_and(|last| last > self.next)) {
            self.close_next(self.interval_ns, observer);
        }
    }

    /// All threads are over; the measured part was so long.
    pub(crate) fn finish(&mut self, measured_ns: u64, observer: &mut dyn Observer) {
        while let Some(&last) = self.open.keys().next_back() {
            let start_ns = self.next * self.interval_ns;
            let is_last = self.next == last;
            let left_ns = measured_ns.saturating_sub(start_ns);
            let len_ns = if is_last { left_ns } else { left_ns.min(self.interval_ns) };
            self.close_next(len_ns, observer);
        }
    }

    fn close_next(&mut self, len_ns: u64, observer: &mut dyn Observer) {
        let start_ns = self.next * self.interval_ns;
        let (tally, latencies) = self
            .open
            .remove(&self.next)
            .unwrap_or_else(|| (Tally::default(), Latencies::new(self.total.response.is_some())));
        let seen = latencies.seen();
        let interval = Interval {
            start_s: seconds(start_ns),
            duration_s: seconds(len_ns),
            messages: tally.messages,
            bytes: tally.bytes,
            errors: tally.errors,
            p50_ns: seen.value_at_quantile(0.5),
            p99_ns: seen.value_at_quantile(0.99),
            max_ns: seen.max(),
        };
        observer.interval(&interval, seen);
        self.intervals.push(interval);
        self.total.add(&latencies);
        self.recycle(latencies);
        self.next += 1;
    }

    fn recycle(&self, mut latencies: Latencies) {
        latencies.reset();
        // Nobody wants it when all threads are over.
        let _ = self.recycling.send(latencies);
    }
}
