//! Puts the pieces that the threads measured together: into one series of intervals, and into one
//! total.

use std::collections::BTreeMap;

use crossbeam_channel::Sender;

use super::Observer;
use super::clock::seconds;
use super::messages::{Latencies, Piece, Tally};
use crate::report::distribution::{self, histogram};
use crate::report::run_report::Interval;

/// Intervals in a report, so that its size does not depend on how long the run was.
const MAX_INTERVALS: usize = 1_000;

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
    /// How long each of them is: [`interval_ns`](Self::interval_ns), doubled whenever there would be
    /// too many.
    pub(crate) kept_ns: u64,
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
            kept_ns: interval_ns,
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
        self.close_what_is_complete(observer);
    }

    /// Nothing more comes from a thread.
    pub(crate) fn end(&mut self, thread: usize, observer: &mut dyn Observer) {
        self.heard[thread] = Some(u64::MAX);
        if self.heard.iter().any(|&heard| heard != Some(u64::MAX)) {
            self.close_what_is_complete(observer);
        }
    }

    /// Threads hand pieces over in order. What a thread has left out, it was too late for.
    fn close_what_is_complete(&mut self, observer: &mut dyn Observer) {
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
        self.cut(measured_ns);
    }

    /// That all of a given number of messages were back shows only when the run is over: what was told
    /// until then is cut to the measured part.
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
        let (tally, latencies) = known
            .unwrap_or_else(|| (Tally::default(), Latencies::new(self.total.response.is_some())));
        let (start_s, len_s, seen) = (seconds(start_ns), seconds(len_ns), latencies.seen());
        let Tally { messages, bytes, errors } = tally;
        let interval = Interval::new(start_s, len_s, messages, bytes, errors, seen);
        observer.interval(&interval, seen);
        self.keep(interval, start_ns);
        self.total.add(&latencies);
        if is_known {
            self.recycle(latencies);
        }
        self.next += 1;
    }

    /// Keeps an interval, as a part of the last one if that is not full yet.
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
        // Nobody wants it when all threads are over.
        let _ = self.recycling.send(latencies);
    }
}

/// Two intervals, one after the other, as one.
fn joined(first: &Interval, second: &Interval) -> Interval {
    let mut times = histogram();
    for interval in [first, second] {
        // It was encoded here, with the same bounds.
        if let Ok(part) = distribution::decode(&interval.histogram) {
            let _ = times.add(&part);
        }
    }
    Interval::new(
        first.start_s,
        first.duration_s + second.duration_s,
        first.messages + second.messages,
        first.bytes + second.bytes,
        first.errors + second.errors,
        &times,
    )
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn piece(thread: usize, number: u64, times_ns: &[u64]) -> Box<Piece> {
        let mut latencies = Latencies::new(false);
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
        Series::new(threads, false, SECOND, unbounded().0)
    }

    /// What is known of each interval: start, length, messages, the longest time.
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
