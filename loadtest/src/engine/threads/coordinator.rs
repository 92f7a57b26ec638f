//! The coordinator of a run: starts the load once all connections have been tried, listens to the
//! threads until the last one is over, and ends the run early when it is asked to. It also tells a
//! flood which part is measured.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, SystemTime};

use log::warn;

use super::crew::Crew;
use super::flood::{Flood, why_nothing_began};
use super::series::Series;
use super::summary::Summary;
use crate::engine::messages::{Message, Outcome};
use crate::engine::protocol::window::{Completion, Start, Window};
use crate::engine::units::nanoseconds;
use crate::engine::{Observer, Phase, Progress, Stop};
use crate::plan::Plan;
use crate::report::run_report::RunReport;

/// Maximum time between two progress reports, and between a request to stop and its effect.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Time between the decision to start and the start. All threads hear of the decision in this time.
const START_DELAY_NS: u64 = 2_000_000;

/// The state of a run.
pub(crate) struct Coordinator<'a> {
    plan: &'a Plan,
    stop: &'a Stop,
    crew: Crew<'a>,
    flood: Option<Flood<'a>>,
    series: Series,
    outcomes: Vec<Outcome>,
    /// Number of threads that are not over.
    running: usize,
    /// Number of threads that have not tried all their connections.
    trying: usize,
    /// Number of connections that were made.
    made: u64,
    started: Option<Start>,
    completion: Completion,
    failure: Option<String>,
}

impl<'a> Coordinator<'a> {
    pub(crate) fn new(crew: Crew<'a>, stop: &'a Stop, flood: Option<Flood<'a>>) -> Self {
        let (plan, threads) = (crew.plan, crew.len());
        let interval_ns = nanoseconds(plan.interval).max(1);
        let recycling = crew.recycling.clone();
        Self {
            plan,
            stop,
            series: Series::new(threads, plan.loop_kind(), interval_ns, recycling),
            outcomes: vec![],
            running: threads,
            trying: threads,
            made: 0,
            started: None,
            completion: Completion::Full,
            failure: None,
            crew,
            flood,
        }
    }

    pub(crate) fn run(mut self, observer: &mut dyn Observer) -> Result<RunReport, String> {
        // If the observer panics, the threads still have to end.
        let result = catch_unwind(AssertUnwindSafe(|| self.listen(observer)));
        if let Err(panic) = result {
            self.crew.give_up();
            resume_unwind(panic);
        }
        self.conclude(observer)
    }

    fn listen(&mut self, observer: &mut dyn Observer) {
        while self.running > 0 {
            // The channel is never closed, because this thread holds a sender. An error is a timeout.
            if let Ok(message) = self.crew.inbox.recv_timeout(PROGRESS_INTERVAL) {
                self.take(message, observer);
            }
            if self.stop.is_asked() && self.completion == Completion::Full {
                self.completion = Completion::Interrupted;
                self.crew.give_up();
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
                    self.crew.give_up();
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
                        self.crew.give_up();
                    }
                }
            }
        }
    }

    /// Starts the load at the time that was asked for, or now. Returns that time.
    fn start(&mut self) -> SystemTime {
        let (now, now_ns) = (SystemTime::now(), self.crew.clock.now_ns());
        let delay_ns = self.delay_ns(now).max(START_DELAY_NS);
        let at_ns = now_ns.saturating_add(delay_ns);
        let time = now + Duration::from_nanos(delay_ns);
        self.started = Some(Start { at_ns, time });
        let window = Window::of(self.plan, at_ns);
        self.flood.iter().for_each(|flood| flood.measure(window));
        self.crew.measure(window);
        self.crew.begin(at_ns);
        time
    }

    /// Returns the time left until the start that was asked for. Warns if that has passed, because other
    /// generators have begun without this one.
    fn delay_ns(&self, now: SystemTime) -> u64 {
        match self.plan.start_at.map(|at| at.duration_since(now)) {
            None => 0,
            Some(Ok(wait)) => nanoseconds(wait),
            Some(Err(passed)) => {
                let late_s = passed.duration().as_secs_f64();
                warn!("the start time has passed late={late_s:.3}s");
                0
            }
        }
    }

    fn progress(&self) -> Progress {
        let now_ns = self.crew.clock.now_ns();
        let (phase, since_ns) = self.phase(now_ns);
        let tally = self.crew.shared.tally();
        Progress {
            phase,
            elapsed: Duration::from_nanos(now_ns - since_ns),
            connections: self.crew.shared.open(),
            messages: tally.messages,
            bytes: tally.bytes,
            errors: tally.errors,
        }
    }

    /// Returns the phase of the run, and since when it has lasted.
    fn phase(&self, now_ns: u64) -> (Phase, u64) {
        let Some(start) = self.started else { return (Phase::Connecting, 0) };
        let Window { start_ns: measured_ns, end_ns } = Window::of(self.plan, start.at_ns);
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
        let Some(start) = self.started else {
            return Err(why_nothing_began(&self.outcomes, self.completion));
        };
        let flood = self.flood.as_ref().map(|flood| {
            // If messages are counted, the measured part ends now.
            let Window { start_ns, end_ns } = Window::of(self.plan, start.at_ns);
            flood.measure(Window { start_ns, end_ns: end_ns.min(self.crew.clock.now_ns()) });
            flood.end()
        });
        let flood = flood.transpose()?;
        let summary = Summary::new(self.plan, start, self.outcomes, flood, self.completion);
        self.series.finish(summary.measured_ns(), observer);
        Ok(summary.into_report(self.series))
    }
}
