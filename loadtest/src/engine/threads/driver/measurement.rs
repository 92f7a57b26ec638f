//! The measured part of a thread's time: when it begins and ends, what was counted until then, and how
//! busy the thread was.

use std::time::Duration;

use crate::engine::context::ThreadContext;
use crate::engine::messages::Tally;
use crate::engine::protocol::recorder::Recorder;
use crate::engine::system::cpu::{ThreadTime, ThreadUse};
use crate::engine::units::nanoseconds;
use crate::plan::Limit;

/// How far a thread is in its load.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The load has not begun.
    Waiting,
    /// The load has begun, the measured part has not.
    WarmUp,
    /// The measured part began with this reading.
    Measuring(Reading),
    /// The measured part began and ended with these readings.
    Measured { started: Reading, ended: Reading },
}

/// What is read at the start of the measured part and at its end.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at_ns: u64,
    tally: Tally,
    idle_ns: u64,
    time: ThreadTime,
}

/// One thread's measurement.
#[derive(Debug)]
pub(super) struct Measurement {
    stage: Stage,
    interval_ns: u64,
    /// How long the thread has had nothing to do.
    idle_ns: u64,
    /// Idle time up to the last message that came back.
    idle_at_last_back_ns: u64,
}

/// What a thread has measured altogether.
#[derive(Debug)]
pub(super) struct Measured {
    /// Everything that was counted until the end of the measured part; `None` if it never began.
    pub(super) tally_at_end: Option<Tally>,
    /// What was counted in the measured part.
    pub(super) tally: Tally,
    /// When the measured part ended.
    pub(super) end_ns: u64,
    pub(super) thread: ThreadUse,
}

impl Measurement {
    /// Returns a measurement that has not begun and will have pieces of this length.
    pub(super) fn new(interval: Duration) -> Self {
        let interval_ns = nanoseconds(interval).max(1);
        Self { stage: Stage::Waiting, interval_ns, idle_ns: 0, idle_at_last_back_ns: 0 }
    }

    /// Returns whether the load has not begun.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// Notes that the thread had nothing to do for this long.
    pub(super) fn add_idle(&mut self, ns: u64) {
        self.idle_ns += ns;
    }

    /// Notes that a message has come back.
    pub(super) fn note_back(&mut self) {
        self.idle_at_last_back_ns = self.idle_ns;
    }

    /// Returns the next time that divides the run into parts.
    pub(super) fn next_mark_ns(&self, cx: &ThreadContext<'_>) -> u64 {
        let window = cx.recorder.window;
        let Some(start_ns) = cx.orders.start_ns else { return u64::MAX };
        match self.stage {
            Stage::Waiting => start_ns,
            Stage::WarmUp => window.start_ns,
            Stage::Measuring(_) => {
                let elapsed_ns = (cx.recorder.piece() + 1).saturating_mul(self.interval_ns);
                elapsed_ns.saturating_add(window.start_ns).min(window.end_ns)
            }
            Stage::Measured { .. } => u64::MAX,
        }
    }

    /// Passes all marks up to `now_ns`, at least the start of the load. Returns the number of the piece
    /// that is measured now, if one is.
    pub(super) fn pass_marks(&mut self, now_ns: u64, recorder: &mut Recorder<'_>) -> Option<u64> {
        let window = recorder.window;
        if self.is_waiting() {
            self.stage = Stage::WarmUp;
        }
        if let Stage::WarmUp = self.stage
            && now_ns >= window.start_ns
        {
            recorder.start_measuring();
            self.stage = Stage::Measuring(self.read(now_ns, recorder));
        }
        let Stage::Measuring(started) = self.stage else { return None };
        if now_ns >= window.end_ns {
            let ended = self.read(now_ns, recorder);
            self.stage = Stage::Measured { started, ended };
            return None;
        }
        Some((now_ns - window.start_ns) / self.interval_ns)
    }

    fn read(&self, at_ns: u64, recorder: &Recorder<'_>) -> Reading {
        let (tally, idle_ns) = (recorder.counted(), self.idle_ns);
        Reading { at_ns, tally, idle_ns, time: ThreadTime::now() }
    }

    /// Ends the measurement now, if it has not ended before.
    pub(super) fn conclude(&self, cx: &ThreadContext<'_>) -> Measured {
        let now = self.read(cx.clock.now_ns(), &cx.recorder);
        let (started, mut ended, has_begun) = match self.stage {
            Stage::Waiting | Stage::WarmUp => (now, now, false),
            Stage::Measuring(started) => (started, now, true),
            Stage::Measured { started, ended } => (started, ended, true),
        };
        let timed_ns = ended.at_ns - started.at_ns;
        if matches!(cx.orders.plan.limit, Limit::Count(_)) && cx.orders.quota == 0 {
            // The measured part ends with the last reply. Waiting for lost messages does not count.
            ended.at_ns = cx.recorder.last_back_ns.max(started.at_ns);
            ended.idle_ns = self.idle_at_last_back_ns.max(started.idle_ns);
        }
        Measured {
            tally_at_end: has_begun.then_some(ended.tally),
            tally: ended.tally.since(started.tally),
            end_ns: ended.at_ns,
            thread: ThreadUse {
                measured_ns: ended.at_ns - started.at_ns,
                idle_ns: ended.idle_ns - started.idle_ns,
                time: ended.time.since(started.time),
                timed_ns,
            },
        }
    }
}
