//! What one thread measures: counts and histograms, in pieces of the measured part. The size does not
//! depend on how long the run is.

use crossbeam_channel::{Receiver, Sender};
use hdrhistogram::Histogram;

use super::exchange::Times;
use super::fault::Fault;
use super::messages::{Found, Latencies, Message, Piece, Tally};
use super::window::Window;
use crate::plan::{Limit, Plan};
use crate::report::distribution::histogram;
use crate::report::run_report::Errors;
use crate::report::samples_file::SamplesWriter;

/// Findings that one thread keeps; the rest is only counted.
const MAX_FINDINGS: usize = 10;

/// When messages came back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    /// When they had been read.
    pub(crate) read_ns: u64,
    /// When the system had received them, if it tells.
    pub(crate) received_ns: Option<u64>,
}

/// Where a thread writes down what happens.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) window: Window,
    pub(crate) tally: Tally,
    /// Only messages of the measured part are counted in it, not all that come back meanwhile.
    counts_its_own: bool,
    pub(crate) errors: Errors,
    pub(crate) findings: Vec<Found>,
    /// Messages of the measured part that were sent.
    pub(crate) sent: u64,
    /// Those of them that came back.
    pub(crate) verified: u64,
    /// Their bytes.
    pub(crate) verified_bytes: u64,
    /// Those of them that are back when they had been read: when they were received is not known.
    pub(crate) without_stamp: u64,
    /// When the last message that came back had been read.
    pub(crate) last_back_ns: u64,
    /// Connections that were made.
    pub(crate) opened: u64,
    /// For how long, altogether, connections that had failed were not replaced.
    pub(crate) missing_ns: u64,
    pub(crate) connect: Histogram<u64>,
    /// In an open loop: between when a message could have been sent and when it was.
    pub(crate) lateness: Histogram<u64>,
    current: Latencies,
    piece: u64,
    tally_at_piece: Tally,
    thread: usize,
    messages: Sender<Message>,
    recycled: Receiver<Latencies>,
    samples: Option<SamplesWriter<'a>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        thread: usize,
        messages: &Sender<Message>,
        recycled: &Receiver<Latencies>,
    ) -> Self {
        Self {
            window: Window::UNKNOWN,
            tally: Tally::default(),
            counts_its_own: matches!(plan.limit, Limit::Count(_)),
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
            current: Latencies::new(plan.rate().is_some()),
            piece: 0,
            tally_at_piece: Tally::default(),
            thread,
            messages: messages.clone(),
            recycled: recycled.clone(),
            samples: plan.samples.as_deref().map(SamplesWriter::new),
        }
    }

    /// Messages of a connection with these times came back, of this length together. By a clock that was
    /// set forward they seem to have been received before they were sent: that is no stamp.
    #[inline]
    pub(crate) fn back(
        &mut self,
        connection: u64,
        times: Times,
        came: Came,
        count: u64,
        len: usize,
    ) {
        let received_ns = came.received_ns.filter(|&received_ns| received_ns >= times.sent_ns);
        let back_ns = received_ns.unwrap_or(came.read_ns);
        self.last_back_ns = came.read_ns;
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
        // What is wrong with the bytes matters more than that a connection broke.
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

    /// A connection that had failed was not there between these times.
    pub(crate) fn missing(&mut self, from_ns: u64, until_ns: u64) {
        let Window { start_ns, end_ns } = self.window;
        self.missing_ns += until_ns.min(end_ns).saturating_sub(from_ns.max(start_ns));
    }

    /// What the measured part's figures are differences of.
    pub(crate) fn counted(&self) -> Tally {
        if self.counts_its_own {
            Tally { messages: self.verified, bytes: self.verified_bytes, ..self.tally }
        } else {
            self.tally
        }
    }

    /// The measured part begins: nothing that was counted before is in its first piece.
    pub(crate) fn start_measuring(&mut self) {
        self.tally_at_piece = self.counted();
    }

    /// The number of the piece that is measured.
    pub(crate) fn piece(&self) -> u64 {
        self.piece
    }

    /// This piece begins, if it has not begun yet.
    pub(crate) fn turn_to(&mut self, piece: u64) {
        if piece > self.piece {
            self.hand_over(self.counted());
            self.piece = piece;
        }
    }

    /// Hands over what was measured since the piece began. Counts up to `tally`, which is now or, for
    /// the last piece, when the measured part ended.
    fn hand_over(&mut self, tally: Tally) {
        let fresh = || {
            let mut fresh = self.current.clone();
            fresh.reset();
            fresh
        };
        let next = self.recycled.try_recv().unwrap_or_else(|_| fresh());
        let latencies = std::mem::replace(&mut self.current, next);
        let tally_in_piece = tally.since(self.tally_at_piece);
        self.tally_at_piece = tally;
        // Nobody listens only when the run was given up.
        let (thread, number) = (self.thread, self.piece);
        let piece = Piece { thread, number, tally: tally_in_piece, latencies };
        let _ = self.messages.send(Message::Piece(Box::new(piece)));
    }

    /// Hands over the last piece: counts as they were when the measured part ended, latencies of what
    /// came back since, too.
    pub(crate) fn finish(&mut self, tally_at_end: Tally) {
        self.hand_over(tally_at_end);
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    fn plan() -> Plan {
        Plan::new(([127, 0, 0, 1], 9).into(), Limit::Duration(std::time::Duration::MAX))
    }

    fn recorder(plan: &Plan) -> Recorder<'_> {
        let (messages, _) = unbounded();
        let (_, recycled) = unbounded();
        let mut recorder = Recorder::new(plan, 0, &messages, &recycled);
        recorder.window = Window { start_ns: 100, end_ns: u64::MAX };
        recorder
    }

    #[test]
    fn a_message_is_back_when_it_was_received_and_work_lasts_until_it_is_read() {
        let plan = plan();
        let mut recorder = recorder(&plan);
        let times = Times { due_ns: 100, sent_ns: 100 };
        recorder.back(0, times, Came { read_ns: 300, received_ns: Some(150) }, 1, 10);
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
            recorder.back(0, times, Came { read_ns: 700, received_ns }, 3, 30);
            let found = (recorder.current.service.max(), recorder.without_stamp);
            assert_eq!(found, (took_ns, without_stamp), "due {due_ns}, {received_ns:?}");
        }
    }
}
