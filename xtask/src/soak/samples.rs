//! What the server took of the system, second by second, and the bounds on it.

use std::time::{Duration, Instant};

use echo_server::Config;

use super::MAX_LINE_LENGTH;
use super::actors::{KILLED_TRANSFERS, actors};
use super::arena::Arena;
use super::crowds::{CROWD, QUITTERS, SLOW};
use crate::check::say;
use crate::load::{Sample, mib};

/// What a connection takes that holds a few hundred bytes or nothing.
const SMALL: u64 = 1024;

/// Log lines that wait, pooled buffers, and what the allocator keeps.
const SLACK: u64 = 4 << 20;

/// How far the later median of memory may be above the earlier one.
const MAX_TREND: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Samples {
    idle: Sample,
    started: Instant,
    report_interval: Duration,
    reported: Instant,
    taken: Vec<Sample>,
}

impl Samples {
    pub(super) fn new(idle: Sample, report_interval: Duration) -> Self {
        let now = Instant::now();
        Self { idle, started: now, report_interval, reported: now, taken: vec![] }
    }

    /// Looks at the server, and prints the state when that is due.
    ///
    /// # Panics
    /// When the server takes more than it may.
    pub(super) fn take(&mut self, arena: &Arena<'_>) {
        let sample = arena.target.sample();
        assert_eq!(sample.threads, self.idle.threads, "threads");
        let open = sample.descriptors.saturating_sub(self.idle.descriptors);
        assert!(open <= max_open(), "{open} open connections, not {} at most", max_open());
        let (resident, bound) = (sample.resident, self.bound());
        assert!(resident <= bound, "{} of memory, {} allowed", mib(resident), mib(bound));
        self.taken.push(sample);
        if self.reported.elapsed() >= self.report_interval {
            self.reported = Instant::now();
            self.report(arena, sample);
        }
    }

    fn report(&self, arena: &Arena<'_>, sample: Sample) {
        let counts = arena.counts();
        say(format_args!(
            "{:>5} s  memory={} descriptors={} threads={} cpu={:.0}% connections={} compared={} \
             resets={} kills={} stops={}",
            self.started.elapsed().as_secs(),
            mib(sample.resident),
            sample.descriptors,
            sample.threads,
            100.0 * self.cpu().as_secs_f64() / self.started.elapsed().as_secs_f64(),
            counts.load.connections,
            mib(counts.compared.bytes),
            counts.resets,
            counts.kills,
            counts.stops,
        ));
    }

    /// The documented bound: a line and a read for each connection that moves much at a time, little
    /// for the others.
    pub(super) fn bound(&self) -> u64 {
        let large = (MAX_LINE_LENGTH + Config::MAX_READ_LEN) as u64;
        self.idle.resident + movers() as u64 * large + max_open() as u64 * SMALL + SLACK
    }

    /// # Panics
    /// When memory grew from one part of the run to the other.
    pub(super) fn expect_no_trend(&self) {
        let (early, late) = self.trend();
        assert!(late <= early + MAX_TREND, "memory grew from {} to {}", mib(early), mib(late));
    }

    /// The medians of memory in the second and in the last fifth.
    pub(super) fn trend(&self) -> (u64, u64) {
        let fifth = self.taken.len() / 5;
        let last = self.taken.len() - fifth;
        (median(&self.taken[fifth..2 * fifth]), median(&self.taken[last..]))
    }

    pub(super) fn median(&self) -> u64 {
        median(&self.taken)
    }

    pub(super) fn max_resident(&self) -> u64 {
        self.taken.iter().map(|sample| sample.resident).max().unwrap_or(0)
    }

    pub(super) fn max_descriptors(&self) -> usize {
        self.taken.iter().map(|sample| sample.descriptors).max().unwrap_or(0)
    }

    /// As it was before.
    pub(super) fn idle(&self) -> Sample {
        self.idle
    }

    /// The most CPU time between two samples.
    pub(super) fn max_cpu(&self) -> Duration {
        let pairs = self.taken.windows(2).map(|pair| pair[1].cpu - pair[0].cpu);
        pairs.max().unwrap_or_default()
    }

    /// CPU time since the beginning.
    pub(super) fn cpu(&self) -> Duration {
        self.taken.last().map_or(Duration::ZERO, |last| last.cpu - self.idle.cpu)
    }
}

/// Connections at one time that may hold a line and a read each.
fn movers() -> usize {
    actors().count() + KILLED_TRANSFERS
}

/// Connections that may be open at one time; those that ended may not have been seen to.
fn max_open() -> usize {
    const ENDING: usize = 300;
    movers() + CROWD + SLOW + QUITTERS + ENDING
}

fn median(samples: &[Sample]) -> u64 {
    let mut resident: Vec<u64> = samples.iter().map(|sample| sample.resident).collect();
    resident.sort_unstable();
    resident.get(resident.len() / 2).copied().unwrap_or(0)
}
