//! The flood beside a run: connections that always have as much in flight as they may. It is a load of
//! its own, and all of it is verified; nobody looks at its latencies. It begins before the connections
//! of the run are made, and ends with the measured part.

use std::thread::Scope;
use std::time::Duration;

use super::Stop;
use super::crew::{Crew, Work};
use super::messages::{Found, Message, Outcome};
use super::window::Window;
use crate::plan::{Arrival, Limit, Plan, Sizes};

/// How soon a request to stop is seen.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// One thread can move more than a server echoes to it.
const THREADS: u32 = 1;

/// The flood that a plan asks for, as a plan of its own: it is not measured and does not end until it is
/// told. Its content is another than that of the run, so that neither is taken for the other.
pub(crate) fn plan(run: &Plan) -> Option<Plan> {
    let flood = run.flood?;
    let mut cpus = run.cpus.clone();
    // Those of the run's own threads come first.
    let taken = run.threads as usize % cpus.len().max(1);
    cpus.rotate_left(taken);
    Some(Plan {
        connections: flood.connections,
        threads: THREADS,
        sizes: Sizes::Range(flood.size, flood.size),
        depth: flood.depth,
        send_burst: 1,
        arrival: Arrival::Closed,
        connect_rate: None,
        messages_per_connection: None,
        limit: Limit::Duration(Duration::MAX),
        warmup: Duration::ZERO,
        seed: !run.seed,
        busy_poll: false,
        kernel_timestamps: false,
        cpus,
        // Threads that sleep until something is due find their CPU free then. Those that never sleep
        // would leave the flood nothing.
        gives_way: run.gives_way || (run.rate().is_some() && !run.busy_poll),
        interval: Duration::MAX,
        samples: None,
        flood: None,
        ..run.clone()
    })
}

/// A flood that runs.
pub(crate) struct Flood<'a> {
    crew: Crew<'a>,
    stop: &'a Stop,
}

impl<'a> Flood<'a> {
    /// Begins as soon as all its connections have been tried.
    ///
    /// # Errors
    /// A sentence: none could be made, it was stopped, or the system refused what it needs.
    pub(crate) fn begin<'scope>(
        work: &'scope Work<'_>,
        stop: &'scope Stop,
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<Flood<'scope>, String> {
        let flood = Flood { crew: work.start("flood", scope)?, stop };
        match flood.hear() {
            Message::Tried { made } if made > 0 && !stop.is_asked() => {
                flood.crew.begin(flood.crew.clock.now_ns());
                Ok(flood)
            }
            Message::Tried { .. } => Err(flood.why_it_did_not_begin()),
            Message::Over { result, .. } => {
                Err(result.err().unwrap_or_else(|| "the flood ended early".to_owned()))
            }
            Message::Piece(_) => Err("the flood measured before it began".to_owned()),
        }
    }

    /// What comes back in this window counts; it ends with it.
    pub(crate) fn measure(&self, window: Window) {
        self.crew.measure(window);
    }

    /// Waits until it is over.
    ///
    /// # Errors
    /// A sentence when it could not be driven to its end.
    pub(crate) fn end(&self) -> Result<Outcome, String> {
        loop {
            match self.hear() {
                Message::Over { result, .. } => return result.map(|outcome| *outcome),
                Message::Tried { .. } | Message::Piece(_) => {}
            }
        }
    }

    /// The next thing that its thread says, which it does at the latest when it is told to end.
    fn hear(&self) -> Message {
        loop {
            if self.stop.is_asked() {
                self.crew.give_up();
            }
            if let Ok(message) = self.crew.inbox.recv_timeout(STOP_INTERVAL) {
                return message;
            }
        }
    }

    fn why_it_did_not_begin(&self) -> String {
        self.crew.give_up();
        match self.end() {
            Ok(outcome) => why_nothing_began([&outcome], self.stop.is_asked()),
            Err(failure) => failure,
        }
    }
}

/// In words: the first thing that went wrong, unless it was stopped.
pub(crate) fn why_nothing_began<'a>(
    outcomes: impl IntoIterator<Item = &'a Outcome>,
    is_interrupted: bool,
) -> String {
    let found = outcomes.into_iter().flat_map(|outcome| &outcome.findings);
    let first = found.min_by_key(|found: &&Found| found.at_ns).map(|found| &found.fault.text);
    match first {
        Some(text) if !is_interrupted => text.clone(),
        _ => "stopped before it began".to_owned(),
    }
}
