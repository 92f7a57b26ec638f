//! The flood beside a run: connections that always have the maximum number of messages in flight. A
//! flood is a load of its own. All its bytes are verified, and its latencies are not reported. It
//! begins before the connections of the run are made, and ends with the measured part.

use std::thread::Scope;
use std::time::Duration;

use super::crew::{Crew, Work};
use crate::engine::Stop;
use crate::engine::messages::{Found, Message, Outcome};
use crate::engine::protocol::window::{Completion, Window};
use crate::plan::{Arrival, Limit, Plan, Sizes};

/// How long to wait for a message before looking for a request to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// Number of threads of a flood. One thread can move more than a server echoes to it.
const THREADS: u32 = 1;

/// Returns the flood that a plan asks for, as a plan of its own. The flood is not measured, and goes on
/// until it receives the order to end. Its content differs from that of the run, so that a line of the flood is
/// never taken for a line of the run.
pub(crate) fn plan(run: &Plan) -> Option<Plan> {
    let flood = run.flood?;
    let mut cpus = run.cpus.clone();
    // The run's own threads take the first CPUs.
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
        // Threads of the run that sleep until a message is due must find their CPU free then. Threads
        // that never sleep would leave the flood no time at all.
        gives_way: run.gives_way || (run.rate().is_some() && !run.busy_poll),
        interval: Duration::MAX,
        samples: None,
        flood: None,
        ..run.clone()
    })
}

/// A flood that goes on.
pub(crate) struct Flood<'a> {
    crew: Crew<'a>,
    stop: &'a Stop,
}

impl<'a> Flood<'a> {
    /// Begins the flood as soon as all its connections have been tried.
    ///
    /// # Errors
    /// A sentence when no connection could be made, the run was stopped, or the system refused what the flood
    /// needs.
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

    /// Tells the flood to count what comes back in this window, and to end with it.
    pub(crate) fn measure(&self, window: Window) {
        self.crew.measure(window);
    }

    /// Waits until the flood is over.
    ///
    /// # Errors
    /// A sentence when its thread could not drive it to the end.
    pub(crate) fn end(&self) -> Result<Outcome, String> {
        loop {
            match self.hear() {
                Message::Over { result, .. } => return result.map(|outcome| *outcome),
                Message::Tried { .. } | Message::Piece(_) => {}
            }
        }
    }

    /// Returns the next message of the flood's thread. At the latest, the thread sends one when it is
    /// told to end.
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

    fn completion(&self) -> Completion {
        if self.stop.is_asked() { Completion::Interrupted } else { Completion::Full }
    }

    fn why_it_did_not_begin(&self) -> String {
        self.crew.give_up();
        match self.end() {
            Ok(outcome) => why_nothing_began([&outcome], self.completion()),
            Err(failure) => failure,
        }
    }
}

/// Says why a load did not begin: returns the first finding, unless the run was stopped.
pub(crate) fn why_nothing_began<'a>(
    outcomes: impl IntoIterator<Item = &'a Outcome>,
    completion: Completion,
) -> String {
    let found = outcomes.into_iter().flat_map(|outcome| &outcome.findings);
    let first = found.min_by_key(|found: &&Found| found.at_ns).map(|found| &found.fault.text);
    match first {
        Some(text) if completion == Completion::Full => text.clone(),
        _ => "stopped before it began".to_owned(),
    }
}
