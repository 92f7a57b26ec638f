//! What the threads of a load tell the coordinator, and what these messages are made of.

use hdrhistogram::Histogram;

use super::protocol::exchange::Times;
use super::protocol::fault::Fault;
use super::system::cpu::ThreadUse;
use crate::plan::Loop;
use crate::report::distribution::histogram;
use crate::report::run_report::Errors;

/// What a thread tells the coordinator.
pub(crate) enum Message {
    /// Every connection was made or has failed once; `made` of them were made.
    Tried { made: u64 },
    /// What the thread measured in one piece of the measured part.
    Piece(Box<Piece>),
    /// The thread is over. An error says that it could not wait for events, or that it panicked.
    Over { thread: usize, result: Result<Box<Outcome>, String> },
}

/// What one thread measured in one piece of the measured part.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) thread: usize,
    /// The number of the piece, from 0.
    pub(crate) number: u64,
    pub(crate) tally: Tally,
    pub(crate) latencies: Latencies,
}

/// A fault, where it was found and when.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) fault: Fault,
    pub(crate) connection: u64,
    pub(crate) at_ns: u64,
}

/// The latencies of the messages that came back.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    /// Times from when the message was ready for the system to take.
    pub(crate) service: Histogram<u64>,
    /// Times from when the message was due; only in an open loop.
    pub(crate) response: Option<Histogram<u64>>,
}

impl Latencies {
    pub(crate) fn new(loop_kind: Loop) -> Self {
        let response = match loop_kind {
            Loop::Closed => None,
            Loop::Open => Some(histogram()),
        };
        Self { service: histogram(), response }
    }

    /// Returns the latencies that a user of the server sees.
    pub(crate) fn seen(&self) -> &Histogram<u64> {
        self.response.as_ref().unwrap_or(&self.service)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        // All histograms have the same bounds.
        let _ = self.service.add(&other.service);
        if let (Some(response), Some(other)) = (&mut self.response, &other.response) {
            let _ = response.add(other);
        }
    }

    pub(crate) fn reset(&mut self) {
        self.service.reset();
        self.response.iter_mut().for_each(Histogram::reset);
    }

    #[inline]
    pub(crate) fn record(&mut self, times: Times, back_ns: u64, count: u64) {
        saturating_record(&mut self.service, back_ns - times.sent_ns, count);
        if let Some(response) = &mut self.response {
            saturating_record(response, back_ns - times.due_ns, count);
        }
    }
}

#[inline]
fn saturating_record(histogram: &mut Histogram<u64>, ns: u64, count: u64) {
    histogram.saturating_record_n(ns, count);
}

/// Counts that only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Number of messages that came back.
    pub(crate) messages: u64,
    /// Number of bytes that came back, those of incomplete messages included.
    pub(crate) bytes: u64,
    /// Number of connections that ended in a way in which they should not.
    pub(crate) errors: u64,
}

impl Tally {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(earlier.messages),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            errors: self.errors.saturating_sub(earlier.errors),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.errors += other.errors;
    }
}

/// What a thread has counted and measured when it is over.
pub(crate) struct Outcome {
    pub(crate) established: u64,
    pub(crate) opened: u64,
    /// How long connections that had failed were missing, added up over all connections.
    pub(crate) missing_ns: u64,
    pub(crate) sent: u64,
    pub(crate) verified: u64,
    pub(crate) without_stamp: u64,
    pub(crate) unsent: u64,
    /// What was counted in the measured part.
    pub(crate) tally: Tally,
    pub(crate) errors: Errors,
    pub(crate) findings: Vec<Found>,
    pub(crate) connect: Histogram<u64>,
    pub(crate) lateness: Histogram<u64>,
    /// When the measured part ended.
    pub(crate) end_ns: u64,
    pub(crate) thread: ThreadUse,
}
