//! Adds up the pieces that the threads measured: to a series of intervals, and to a total.

use std::collections::BTreeMap;

use crossbeam_channel::Sender;

use crate::engine::Observer;
use crate::engine::messages::{Latencies, Piece, Tally};
use crate::engine::units::seconds;
use crate::plan::Loop;
use crate::report::distribution::{self, histogram};
use crate::report::run_report::{Counts, Interval};

/// Maximum number of intervals in a report, so that its size does not depend on the length of the run.
const MAX_INTERVALS: usize = 1_000;

/// The intervals of a run so far.
pub(crate) struct Series {
    interval_ns: u64,
    loop_kind: Loop,
    /// Pieces, by their number, that not all threads have handed over yet.
    open: BTreeMap<u64, (Tally, Latencies)>,
    /// The number of the last piece that each thread has handed over.
    heard: Vec<Option<u64>>,
    /// The number of the next piece that will be complete.
    next: u64,
    recycling: Sender<Latencies>,
    pub(crate) total: Latencies,
    pub(crate) intervals: Vec<Interval>,
    /// The length of each interval: [`interval_ns`](Self::interval_ns), doubled whenever there would be
    /// too many intervals.
    pub(crate) kept_ns: u64,
}

impl Series {
    pub(crate) fn new(
        threads: usize,
        loop_kind: Loop,
        interval_ns: u64,
        recycling: Sender<Latencies>,
    ) -> Self {
        Self {
            interval_ns,
            loop_kind,
            open: BTreeMap::new(),
            heard: vec![None; threads],
            next: 0,
            recycling,
            total: Latencies::new(loop_kind),
            intervals: vec![],
            kept_ns: interval_ns,
        }
    }

    /// Adds what a thread measured.
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
        self.close_what_is_complete(observer);
    }

    /// Notes that no more pieces come from a thread.
    pub(crate) fn end(&mut self, thread: usize, observer: &mut dyn Observer) {
        self.heard[thread] = Some(u64::MAX);
        if self.heard.iter().any(|&heard| heard != Some(u64::MAX)) {
            self.close_what_is_complete(observer);
        }
    }

    /// Closes all pieces that are complete. Threads hand pieces over in order, so a thread that has
    /// handed over a later piece has nothing for the earlier ones.
    fn close_what_is_complete(&mut self, observer: &mut dyn Observer) {
        while self.heard.iter().all(|heard| heard.is_some_and(|last| last > self.next)) {
            self.close_next(self.interval_ns, observer);
        }
    }

    /// Closes all pieces when all threads are over and the measured part had this length.
    pub(crate) fn finish(&mut self, measured_ns: u64, observer: &mut dyn Observer) {
        while let Some(&last) = self.open.keys().next_back() {
            let start_ns = self.next * self.interval_ns;
            let is_last = self.next == last;
            let left_ns = measured_ns.saturating_sub(start_ns);
            let len_ns = if is_last { left_ns } else { left_ns.min(self.interval_ns) };
            self.close_next(len_ns, observer);
        }
        self.cut(measured_ns);
    }

    /// Cuts the intervals to the measured part. If messages are counted, the end of the measured part
    /// is known only when the run is over.
    fn cut(&mut self, measured_ns: u64) {
        let left_ns = |number: usize| measured_ns.saturating_sub(number as u64 * self.interval_ns);
        while self.intervals.last().is_some_and(|last| last.messages == 0)
            && left_ns(self.intervals.len() - 1) == 0
        {
            self.intervals.pop();
        }
        if let Some(number) = self.intervals.len().checked_sub(1)
            && left_ns(number) < self.interval_ns
        {
            self.intervals[number].duration_s = seconds(left_ns(number));
        }
    }

    fn close_next(&mut self, len_ns: u64, observer: &mut dyn Observer) {
        let start_ns = self.next * self.interval_ns;
        let known = self.open.remove(&self.next);
        let is_known = known.is_some();
        let (tally, latencies) =
            known.unwrap_or_else(|| (Tally::default(), Latencies::new(self.loop_kind)));
        let (start_s, len_s, seen) = (seconds(start_ns), seconds(len_ns), latencies.seen());
        let Tally { messages, bytes, errors } = tally;
        let counts = Counts { messages, bytes, errors };
        let interval = Interval::new(start_s, len_s, counts, seen);
        observer.interval(&interval, seen);
        self.keep(interval, start_ns);
        self.total.add(&latencies);
        if is_known {
            self.recycle(latencies);
        }
        self.next += 1;
    }

    /// Keeps an interval: as part of the last one, if that is not full yet.
    fn keep(&mut self, interval: Interval, start_ns: u64) {
        match self.intervals.last_mut() {
            Some(last) if !start_ns.is_multiple_of(self.kept_ns) => *last = joined(last, &interval),
            _ => self.intervals.push(interval),
        }
        if self.intervals.len() > MAX_INTERVALS {
            self.kept_ns *= 2;
            let pair = |pair: &[Interval]| match pair {
                [first, second] => joined(first, second),
                rest => rest[0].clone(),
            };
            self.intervals = self.intervals.chunks(2).map(pair).collect();
        }
    }

    fn recycle(&self, mut latencies: Latencies) {
        latencies.reset();
        // Nobody receives it when all threads are over.
        let _ = self.recycling.send(latencies);
    }
}

/// Joins two consecutive intervals.
fn joined(first: &Interval, second: &Interval) -> Interval {
    let mut times = histogram();
    for interval in [first, second] {
        // This program encoded the histogram, with the same bounds.
        if let Ok(part) = distribution::decode(&interval.histogram) {
            let _ = times.add(&part);
        }
    }
    let counts = Counts {
        messages: first.messages + second.messages,
        bytes: first.bytes + second.bytes,
        errors: first.errors + second.errors,
    };
    Interval::new(first.start_s, first.duration_s + second.duration_s, counts, &times)
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn piece(thread: usize, number: u64, times_ns: &[u64]) -> Box<Piece> {
        let mut latencies = Latencies::new(Loop::Closed);
        times_ns.iter().for_each(|&time_ns| latencies.service.saturating_record(time_ns));
        let messages = times_ns.len() as u64;
        Box::new(Piece {
            thread,
            number,
            tally: Tally { messages, bytes: 0, errors: 0 },
            latencies,
        })
    }

    fn series(threads: usize) -> Series {
        Series::new(threads, Loop::Closed, SECOND, unbounded().0)
    }

    /// Returns the start, the length, the messages and the longest time of each interval.
    fn known(series: &Series) -> Vec<(f64, f64, u64, u64)> {
        let of = |one: &Interval| (one.start_s, one.duration_s, one.messages, one.max_ns);
        series.intervals.iter().map(of).collect()
    }

    #[test]
    fn an_interval_is_told_when_all_threads_are_beyond_it() {
        let mut series = series(2);
        series.take(piece(0, 0, &[10]), &mut ());
        series.take(piece(1, 0, &[20, 30]), &mut ());
        series.take(piece(0, 1, &[40]), &mut ());
        assert_eq!(known(&series), []);
        series.take(piece(1, 1, &[50]), &mut ());
        assert_eq!(known(&series), [(0.0, 1.0, 3, 30)]);
        series.finish(SECOND + SECOND / 2, &mut ());
        assert_eq!(known(&series), [(0.0, 1.0, 3, 30), (1.0, 0.5, 2, 50)]);
        assert_eq!(series.total.service.len(), 5);
    }

    #[test]
    fn what_a_thread_left_out_is_an_interval_without_messages() {
        let mut series = series(1);
        series.take(piece(0, 0, &[10]), &mut ());
        series.take(piece(0, 3, &[20]), &mut ());
        series.finish(4 * SECOND, &mut ());
        let empty = [(1.0, 1.0, 0, 0), (2.0, 1.0, 0, 0)];
        let all = [&[(0.0, 1.0, 1, 10)], &empty[..], &[(3.0, 1.0, 1, 20)]].concat();
        assert_eq!(known(&series), all);
    }

    #[test]
    fn a_long_run_has_longer_intervals_and_loses_nothing() {
        let mut series = series(1);
        let count = 2 * MAX_INTERVALS as u64 + 3;
        (0..count).for_each(|number| series.take(piece(0, number, &[number + 1]), &mut ()));
        series.finish(count * SECOND, &mut ());
        assert_eq!(series.kept_ns, 4 * SECOND);
        assert_eq!(known(&series)[..2], [(0.0, 4.0, 4, 4), (4.0, 4.0, 4, 8)]);
        let (start_s, len_s, messages, max_ns) = known(&series)[series.intervals.len() - 1];
        assert_eq!((start_s, len_s, messages, max_ns), (2000.0, 3.0, 3, count));
        assert_eq!(series.intervals.iter().map(|one| one.messages).sum::<u64>(), count);
    }
}
