//! What one thread measures: counts and histograms, in pieces of the measured part. Its size does not
//! depend on the length of the run.

use hdrhistogram::Histogram;

use super::content::Lines;
use super::exchange::Times;
use super::fault::Fault;
use super::window::Window;
use crate::engine::messages::{Found, Latencies, Piece, Tally};
use crate::plan::{Limit, Plan};
use crate::report::distribution::histogram;
use crate::report::run_report::Errors;
use crate::report::samples_file::SamplesWriter;

/// Maximum number of findings that one thread keeps. Further ones are only counted.
const MAX_FINDINGS: usize = 10;

/// When bytes came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipt {
    /// When this program had read them.
    pub(crate) read_ns: u64,
    /// When the system had received them, if it says so.
    pub(crate) received_ns: Option<u64>,
}

/// Which messages the measured part counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// All messages that come back during the measured part.
    ByReturn,
    /// Messages that were due during the measured part.
    ByDueTime,
}

/// A thread's record of what happens.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) window: Window,
    pub(crate) tally: Tally,
    counting: Counting,
    pub(crate) errors: Errors,
    pub(crate) findings: Vec<Found>,
    /// Number of messages of the measured part that were sent.
    pub(crate) sent: u64,
    /// Number of messages of the measured part that came back.
    pub(crate) verified: u64,
    /// Number of bytes of these messages.
    pub(crate) verified_bytes: u64,
    /// Number of these messages without a kernel timestamp. They count as received when they were read.
    pub(crate) without_stamp: u64,
    /// When the last message that came back was read.
    pub(crate) last_back_ns: u64,
    /// Number of connections that were made.
    pub(crate) opened: u64,
    /// How long connections that had failed were missing, added up over all connections.
    pub(crate) missing_ns: u64,
    pub(crate) connect: Histogram<u64>,
    /// In an open loop: how much later than possible each burst was sent.
    pub(crate) lateness: Histogram<u64>,
    current: Latencies,
    piece: u64,
    tally_at_piece: Tally,
    thread: usize,
    samples: Option<SamplesWriter<'a>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(plan: &'a Plan, thread: usize) -> Self {
        Self {
            window: Window::UNKNOWN,
            tally: Tally::default(),
            counting: match plan.limit {
                Limit::Count(_) => Counting::ByDueTime,
                Limit::Duration(_) => Counting::ByReturn,
            },
            errors: Errors::default(),
            findings: vec![],
            sent: 0,
            verified: 0,
            verified_bytes: 0,
            without_stamp: 0,
            last_back_ns: 0,
            opened: 0,
            missing_ns: 0,
            connect: histogram(),
            lateness: histogram(),
            current: Latencies::new(plan.loop_kind()),
            piece: 0,
            tally_at_piece: Tally::default(),
            thread,
            samples: plan.samples.as_deref().map(SamplesWriter::new),
        }
    }

    /// Records lines that came back complete and have these times. A timestamp from before the lines
    /// were sent is ignored: the system's clock was set after the lines were sent.
    #[inline]
    pub(crate) fn back(&mut self, connection: u64, times: Times, receipt: Receipt, lines: Lines) {
        let Lines { count, len } = lines;
        let received_ns = receipt.received_ns.filter(|&received_ns| received_ns >= times.sent_ns);
        let back_ns = received_ns.unwrap_or(receipt.read_ns);
        self.last_back_ns = receipt.read_ns;
        self.tally.messages += count;
        if self.window.contains(times.due_ns) {
            self.verified += count;
            self.verified_bytes += len as u64;
            self.without_stamp += if received_ns.is_none() { count } else { 0 };
            self.current.record(times, back_ns, count);
            if let Some(samples) = &mut self.samples {
                samples.note(connection, [times.due_ns, times.sent_ns, back_ns], count);
            }
        }
    }

    pub(crate) fn connected(&mut self, took_ns: u64) {
        self.connect.saturating_record(took_ns);
    }

    pub(crate) fn late(&mut self, due_ns: u64, late_ns: u64) {
        if self.window.contains(due_ns) {
            self.lateness.saturating_record(late_ns);
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault, connection: u64, at_ns: u64) {
        self.errors.count(fault.kind);
        self.tally.errors += 1;
        // Wrong bytes matter more than a broken connection.
        let is_full = self.findings.len() >= MAX_FINDINGS;
        let found = Found { fault, connection, at_ns };
        if !is_full {
            self.findings.push(found);
        } else if found.fault.is_about_bytes()
            && let Some(other) =
                self.findings.iter_mut().rev().find(|found| !found.fault.is_about_bytes())
        {
            *other = found;
        }
    }

    /// Records that a connection that had failed was missing between these times.
    pub(crate) fn missing(&mut self, from_ns: u64, until_ns: u64) {
        let Window { start_ns, end_ns } = self.window;
        self.missing_ns += until_ns.min(end_ns).saturating_sub(from_ns.max(start_ns));
    }

    /// Returns what has been counted so far. The figures of the measured part are differences of two
    /// such tallies.
    pub(crate) fn counted(&self) -> Tally {
        match self.counting {
            Counting::ByReturn => self.tally,
            Counting::ByDueTime => {
                Tally { messages: self.verified, bytes: self.verified_bytes, ..self.tally }
            }
        }
    }

    /// Begins the measured part. Its first piece holds nothing that was counted before.
    pub(crate) fn start_measuring(&mut self) {
        self.tally_at_piece = self.counted();
    }

    /// Returns the number of the piece that is measured.
    pub(crate) fn piece(&self) -> u64 {
        self.piece
    }

    /// Begins the piece with this number, and returns what was measured in the one before. `recycled` is
    /// used again for the new piece, if there is one.
    pub(crate) fn turn_to(&mut self, number: u64, recycled: Option<Latencies>) -> Piece {
        let piece = self.take_piece(self.counted(), recycled);
        self.piece = number;
        piece
    }

    /// Returns the last piece. Its counts are `tally_at_end`, as they were when the measured part ended;
    /// its latencies include the messages that came back later.
    pub(crate) fn finish(&mut self, tally_at_end: Tally) -> Piece {
        self.take_piece(tally_at_end, None)
    }

    /// Returns what was measured since the piece began, with counts up to `tally`.
    fn take_piece(&mut self, tally: Tally, recycled: Option<Latencies>) -> Piece {
        let next = recycled.unwrap_or_else(|| {
            let mut fresh = self.current.clone();
            fresh.reset();
            fresh
        });
        let latencies = std::mem::replace(&mut self.current, next);
        let tally_in_piece = tally.since(self.tally_at_piece);
        self.tally_at_piece = tally;
        Piece { thread: self.thread, number: self.piece, tally: tally_in_piece, latencies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::new(([127, 0, 0, 1], 9).into(), Limit::Duration(std::time::Duration::MAX))
    }

    fn recorder(plan: &Plan) -> Recorder<'_> {
        let mut recorder = Recorder::new(plan, 0);
        recorder.window = Window { start_ns: 100, end_ns: u64::MAX };
        recorder
    }

    #[test]
    fn a_message_is_back_when_it_was_received_and_work_lasts_until_it_is_read() {
        let plan = plan();
        let mut recorder = recorder(&plan);
        let times = Times { due_ns: 100, sent_ns: 100 };
        recorder.back(
            0,
            times,
            Receipt { read_ns: 300, received_ns: Some(150) },
            Lines { count: 1, len: 10 },
        );
        assert_eq!((recorder.current.service.max(), recorder.last_back_ns), (50, 300));
    }

    #[test]
    fn a_message_without_a_sound_stamp_is_back_when_it_is_read_and_is_counted() {
        let plan = plan();
        for (due_ns, received_ns, took_ns, without_stamp) in [
            (100, Some(500), 0, 0),
            (100, Some(501), 1, 0),
            // The clock was set forward.
            (100, Some(499), 200, 3),
            (100, Some(0), 200, 3),
            (100, None, 200, 3),
            // Not measured.
            (99, None, 0, 0),
        ] {
            let mut recorder = recorder(&plan);
            let times = Times { due_ns, sent_ns: 500 };
            recorder.back(
                0,
                times,
                Receipt { read_ns: 700, received_ns },
                Lines { count: 3, len: 30 },
            );
            let found = (recorder.current.service.max(), recorder.without_stamp);
            assert_eq!(found, (took_ns, without_stamp), "due {due_ns}, {received_ns:?}");
        }
    }
}
