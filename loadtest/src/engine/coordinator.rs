//! Starts the load once all connections have been tried, listens to the threads until the last is
//! over, and ends the run early when asked to.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, Sender};
use mio::Waker;

use super::clock::{Clock, nanoseconds};
use super::driver::Outcome;
use super::recorder::Latencies;
use super::series::Series;
use super::shared::{Message, Shared};
use super::summary::Summary;
use super::{Observer, Phase, Progress, Stop};
use crate::plan::{Limit, Plan};
use crate::run_report::RunReport;

/// How often the observer is told how far the run is, and how soon a request to stop is seen.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Between the decision to start and the start, so that all threads have heard of it.
const START_DELAY_NS: u64 = 2_000_000;

/// See the module.
pub(crate) struct Coordinator<'a> {
    plan: &'a Plan,
    stop: &'a Stop,
    shared: &'a Shared,
    clock: Clock,
    wakers: Vec<Arc<Waker>>,
    inbox: Receiver<Message>,
    series: Series,
    outcomes: Vec<Outcome>,
    /// Threads that are not over.
    running: usize,
    /// Threads that have not tried all their connections.
    trying: usize,
    made: u64,
    started: Option<Start>,
    is_interrupted: bool,
    failure: Option<String>,
}

/// When the load began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// In the run's time.
    pub(crate) at_ns: u64,
    /// For people.
    pub(crate) time: SystemTime,
}

impl<'a> Coordinator<'a> {
    #[allow(clippy::too_many_arguments)] // Each is one thing, and made by the caller.
    pub(crate) fn new(
        plan: &'a Plan,
        stop: &'a Stop,
        shared: &'a Shared,
        clock: Clock,
        wakers: Vec<Arc<Waker>>,
        inbox: Receiver<Message>,
        recycling: Sender<Latencies>,
    ) -> Self {
        let (threads, interval_ns) = (wakers.len(), nanoseconds(plan.interval).max(1));
        Self {
            plan,
            stop,
            shared,
            clock,
            inbox,
            series: Series::new(threads, plan.rate().is_some(), interval_ns, recycling),
            outcomes: vec![],
            running: threads,
            trying: threads,
            made: 0,
            started: None,
            is_interrupted: false,
            failure: None,
            wakers,
        }
    }

    /// Tells all threads to end at once.
    pub(crate) fn give_up(&self) {
        self.shared.stop();
        self.wake_all();
    }

    fn wake_all(&self) {
        for waker in &self.wakers {
            // A thread that cannot be woken is over.
            let _ = waker.wake();
        }
    }

    pub(crate) fn run(mut self, observer: &mut dyn Observer) -> Result<RunReport, String> {
        // An observer that panics is not to leave threads behind that nobody ends.
        let result = catch_unwind(AssertUnwindSafe(|| self.listen(observer)));
        if let Err(panic) = result {
            self.give_up();
            resume_unwind(panic);
        }
        self.conclude(observer)
    }

    fn listen(&mut self, observer: &mut dyn Observer) {
        while self.running > 0 {
            // The other end is ours as well: only the time can end the wait.
            if let Ok(message) = self.inbox.recv_timeout(PROGRESS_INTERVAL) {
                self.take(message, observer);
            }
            if self.stop.is_asked() && !self.is_interrupted {
                self.is_interrupted = true;
                self.give_up();
            }
            observer.progress(&self.progress());
        }
    }

    fn take(&mut self, message: Message, observer: &mut dyn Observer) {
        match message {
            Message::Tried { made } => {
                self.made += made;
                self.trying -= 1;
                if self.trying == 0 && self.made > 0 {
                    let start = self.start();
                    observer.measuring_from(start.checked_add(self.plan.warmup).unwrap_or(start));
                } else if self.trying == 0 {
                    self.give_up();
                }
            }
            Message::Piece(piece) => self.series.take(piece, observer),
            Message::Over { thread, result } => {
                self.running -= 1;
                self.series.end(thread, observer);
                match result {
                    Ok(outcome) => self.outcomes.push(*outcome),
                    Err(failure) => {
                        self.failure.get_or_insert(failure);
                        self.give_up();
                    }
                }
            }
        }
    }

    /// The load begins at the time that was asked for, or now.
    fn start(&mut self) -> SystemTime {
        let (now, now_ns) = (SystemTime::now(), self.clock.now_ns());
        let wait = self.plan.start_at.and_then(|at| at.duration_since(now).ok());
        let delay_ns = wait.map_or(START_DELAY_NS, nanoseconds).max(START_DELAY_NS);
        let at_ns = now_ns.saturating_add(delay_ns);
        let time = now + Duration::from_nanos(delay_ns);
        self.started = Some(Start { at_ns, time });
        self.shared.start_at(at_ns);
        self.wake_all();
        time
    }

    fn progress(&self) -> Progress {
        let now_ns = self.clock.now_ns();
        let (phase, since_ns) = self.phase(now_ns);
        let tally = self.shared.tally();
        Progress {
            phase,
            elapsed: Duration::from_nanos(now_ns - since_ns),
            connections: self.shared.open(),
            messages: tally.messages,
            bytes: tally.bytes,
            errors: tally.errors,
        }
    }

    /// Where the run is, and since when.
    fn phase(&self, now_ns: u64) -> (Phase, u64) {
        let Some(start) = self.started else { return (Phase::Connecting, 0) };
        let measured_ns = start.at_ns.saturating_add(nanoseconds(self.plan.warmup));
        let end_ns = match self.plan.limit {
            Limit::Duration(duration) => measured_ns.saturating_add(nanoseconds(duration)),
            Limit::Count(_) => u64::MAX,
        };
        if now_ns < start.at_ns {
            (Phase::Waiting, now_ns)
        } else if now_ns < measured_ns {
            (Phase::WarmUp, start.at_ns)
        } else if now_ns < end_ns {
            (Phase::Measuring, measured_ns)
        } else {
            (Phase::Draining, end_ns)
        }
    }

    fn conclude(mut self, observer: &mut dyn Observer) -> Result<RunReport, String> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let summary = Summary::new(self.plan, self.started, self.outcomes, self.is_interrupted)?;
        self.series.finish(summary.measured_ns(), observer);
        Ok(summary.into_report(self.series))
    }
}
