//! The load engine: threads that drive connections, and what they found, put together.
//!
//! ```text
//! coordinator ── starts, listens, puts the report together (series, summary)
//!  │  ▲ tried · pieces · outcome (channel)
//!  ▼  │ start · stop (flags and a waker)
//! driver ×T ── one Poll each: wait → mark → drive → wake → open → clock
//!    └─ connection ×N ─┬─ socket      opens it
//!                      ├─ stamps      when the system received what is read
//!                      ├─ exchange ── content   what goes out, what has to come back; pure
//!                      ├─ arrivals    when messages are due; pure
//!                      ├─ fault       what went wrong, in words; pure
//!                      └─ recorder    counts and histograms
//! ```
//!
//! A crew is the drivers of one load. Beside the crew of the run there may be that of a flood, which
//! the coordinator only tells when to count and when to end.

mod alarm;
mod arrivals;
mod clock;
mod connection;
mod content;
mod context;
mod coordinator;
mod cpu;
mod crew;
mod driver;
mod exchange;
mod fault;
mod flood;
mod messages;
mod recorder;
mod series;
mod shared;
mod socket;
mod stamps;
mod summary;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::plan::Plan;
use crate::report::run_report::{Interval, RunReport};
use clock::Clock;
use coordinator::Coordinator;
use crew::Work;
use flood::Flood;

/// Descriptors that a thread needs for itself, and the process besides.
const DESCRIPTORS_PER_THREAD: u64 = 4;
const OTHER_DESCRIPTORS: u64 = 32;

/// Ends a run before its time. Clones stop the same run.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The run ends within a fraction of a second and reports what it has found so far.
    pub fn stop(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether that was asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its connections are being made.
    Connecting,
    /// Waits for the time at which it is to start.
    Waiting,
    /// Loads the server, and does not measure yet.
    WarmUp,
    /// Measures.
    Measuring,
    /// Waits for what has not come back yet.
    Draining,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// How long it has been there.
    pub elapsed: Duration,
    /// Connections that are open.
    pub connections: u64,
    /// Messages that came back, over the whole run.
    pub messages: u64,
    /// Bytes that came back, over the whole run.
    pub bytes: u64,
    /// What went wrong, over the whole run.
    pub errors: u64,
}

/// Is told how a run goes.
pub trait Observer {
    /// About four times a second.
    fn progress(&mut self, _progress: &Progress) {}

    /// The measured part will begin at this time.
    fn measuring_from(&mut self, _start: SystemTime) {}

    /// A piece of the measured part is over. `latencies` are [`RunReport::latency`] of that piece.
    fn interval(&mut self, _interval: &Interval, _latencies: &Histogram<u64>) {}
}

/// Does not listen.
impl Observer for () {}

/// Puts the load on the server and reports what came of it. The report's objectives are left to the
/// caller.
///
/// # Errors
/// A sentence when the run could not start: no connection could be made, or the system refused what
/// it needs. What goes wrong later is in the report.
pub fn run(plan: &Plan, stop: &Stop, observer: &mut dyn Observer) -> Result<RunReport, String> {
    plan.check()?;
    let (clock, flood) = (Clock::start(), flood::plan(plan));
    let work = Work::new(plan, 0, clock)?;
    // Its connections have the numbers after those of the run.
    let beside = flood.as_ref().map(|flood| Work::new(flood, plan.connections.into(), clock));
    let beside = beside.transpose().map_err(|error| format!("flood: {error}"))?;
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

/// Fails early, in words, where the run would run out of descriptors.
fn check_descriptors(connections: u64, threads: u64) -> Result<(), String> {
    let needed = connections + threads * DESCRIPTORS_PER_THREAD + OTHER_DESCRIPTORS;
    match echo_common::descriptors::limit() {
        Some(limit) if limit < needed => Err(format!(
            "{connections} connections need {needed} descriptors, and this process may have {limit} \
             (ulimit -n)"
        )),
        _ => Ok(()),
    }
}
