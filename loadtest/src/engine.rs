//! The load engine: threads drive connections, and a coordinator makes a report of what they found.
//!
//! ```text
//! threads/coordinator ── starts, listens, puts the report together (series, summary)
//!  │  ▲ tried · pieces · outcome (channel of messages)
//!  ▼  │ start · stop (flags and a waker)
//! threads/driver ×T ── one Poll each: wait → mark → drive → wake → open → clock
//!    └─ connection ×N ─┬─ stream ◄── system/{socket, stamps}    the seam, and the system behind it
//!                      └─ protocol/
//!                         ├─ conversation ─┬─ exchange ── content   what goes out, what must come back
//!                         │                └─ arrivals              when messages are due
//!                         ├─ retries, inspection, fault      what to do when something is wrong
//!                         └─ recorder                        counts and histograms
//! ```
//!
//! A crew is the drivers of one load. A flood has a crew of its own, beside the crew of the run. The
//! coordinator only tells the flood's crew when to count and when to end.

mod connection;
mod context;
mod messages;
mod protocol;
mod stream;
mod system;
mod threads;
mod units;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, SystemTime};

use echo_common::descriptors;
use hdrhistogram::Histogram;

use crate::plan::Plan;
use crate::report::run_report::{Interval, RunReport};
use system::clock::Clock;
use threads::coordinator::Coordinator;
use threads::crew::Work;
use threads::flood::{self, Flood};

/// Number of descriptors that a thread needs besides those of its connections.
const DESCRIPTORS_PER_THREAD: u64 = 4;

/// Number of descriptors that the process needs for other things.
const OTHER_DESCRIPTORS: u64 = 32;

/// A way to end a run before its time. Clones stop the same run.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the run within a fraction of a second. The run reports what it has found so far.
    pub fn stop(&self) {
        self.0.store(true, Relaxed);
    }

    /// Returns whether [`stop`](Self::stop) was called.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connections are being made.
    Connecting,
    /// The run waits for the time at which it is to start.
    Waiting,
    /// The server is under load, and nothing is measured yet.
    WarmUp,
    /// The run measures.
    Measuring,
    /// The run waits for messages that have not come back yet.
    Draining,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The part of the run that goes on now.
    pub phase: Phase,
    /// How long this part has gone on.
    pub elapsed: Duration,
    /// Number of open connections.
    pub connections: u64,
    /// Number of messages that came back, over the whole run.
    pub messages: u64,
    /// Number of bytes that came back, over the whole run.
    pub bytes: u64,
    /// Number of errors, over the whole run.
    pub errors: u64,
}

/// A listener to a run.
pub trait Observer {
    /// Called several times a second.
    fn progress(&mut self, _progress: &Progress) {}

    /// Called when it is known when the measured part begins.
    fn measuring_from(&mut self, _start: SystemTime) {}

    /// Called when a piece of the measured part is over. `latencies` are [`RunReport::latency`] of that
    /// piece.
    fn interval(&mut self, _interval: &Interval, _latencies: &Histogram<u64>) {}
}

/// Ignores everything.
impl Observer for () {}

/// Puts the load on the server and returns the report. The caller judges the report's objectives.
///
/// # Errors
/// A sentence when the run could not start: the plan breaks a rule, no connection could be made, or the
/// system refused what the run needs. Later errors are in the report.
pub fn run(plan: &Plan, stop: &Stop, observer: &mut dyn Observer) -> Result<RunReport, String> {
    plan.check()?;
    let (clock, flood) = (Clock::start(), flood::plan(plan));
    let work = Work::new(plan, 0, clock);
    // Connections of the flood have the numbers after those of the run.
    let beside = flood.as_ref().map(|flood| Work::new(flood, plan.connections.into(), clock));
    let all = [Some(&work), beside.as_ref()];
    check_descriptors(
        all.iter().flatten().map(|work| work.connections()).sum(),
        all.iter().flatten().map(|work| work.threads()).sum(),
    )?;
    thread::scope(|scope| {
        let flood = beside.as_ref().map(|work| Flood::begin(work, stop, scope)).transpose()?;
        Coordinator::new(work.start("load", scope)?, stop, flood).run(observer)
    })
}

/// Checks that the process may have as many descriptors as the run needs, so that a run does not fail in
/// the middle.
fn check_descriptors(connections: u64, threads: u64) -> Result<(), String> {
    let needed = connections + threads * DESCRIPTORS_PER_THREAD + OTHER_DESCRIPTORS;
    descriptors::check(&format!("{connections} connections"), needed)
}
