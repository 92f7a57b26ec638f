//! The resources that the server used, second by second, and the limits on them.

use std::time::{Duration, Instant};

use echo_server::Config;

use super::actors::{KILLED_TRANSFERS, actors};
use super::arena::Arena;
use super::crowds::{CROWD, QUITTERS, SLOW};
use super::limits::MAX_LINE_LENGTH;
use crate::check::say;
use crate::load::{Sample, mib};

/// Maximum memory in bytes of a connection that holds at most a few hundred bytes.
const SMALL: u64 = 1024;

/// Additional memory in bytes for queued log lines, pooled buffers and the allocator.
const SLACK: u64 = 4 << 20;

/// Maximum difference in bytes between the later and the earlier median of memory.
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

    /// Takes a sample of the server, and prints the state if that is due.
    ///
    /// # Panics
    /// If the server uses more than it may.
    pub(super) fn take(&mut self, arena: &Arena<'_>) {
        let sample = arena.target.sample();
        assert_eq!(sample.threads, self.idle.threads, "threads");
        let open = sample.descriptors.saturating_sub(self.idle.descriptors);
        assert!(open <= max_open(), "{open} open connections, {} allowed", max_open());
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

    /// Returns the documented limit on memory: a line and a read for each connection that moves much
    /// data, and little for each of the others.
    pub(super) fn bound(&self) -> u64 {
        let large = (MAX_LINE_LENGTH + Config::MAX_READ_LEN) as u64;
        self.idle.resident + movers() as u64 * large + max_open() as u64 * SMALL + SLACK
    }

    /// Checks that memory did not grow during the run.
    ///
    /// # Panics
    /// If it grew.
    pub(super) fn expect_no_trend(&self) {
        let (early, late) = self.trend();
        assert!(late <= early + MAX_TREND, "memory grew from {} to {}", mib(early), mib(late));
    }

    /// Returns the medians of memory in the second and in the last fifth of the run.
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

    /// Returns the sample before any load.
    pub(super) fn idle(&self) -> Sample {
        self.idle
    }

    /// Returns the maximum CPU time between two samples.
    pub(super) fn max_cpu(&self) -> Duration {
        let pairs = self.taken.windows(2).map(|pair| pair[1].cpu - pair[0].cpu);
        pairs.max().unwrap_or_default()
    }

    /// Returns the CPU time since the beginning.
    pub(super) fn cpu(&self) -> Duration {
        self.taken.last().map_or(Duration::ZERO, |last| last.cpu - self.idle.cpu)
    }
}

/// Returns the maximum number of connections that hold a line and a read at the same time.
fn movers() -> usize {
    actors().count() + KILLED_TRANSFERS
}

/// Returns the maximum number of open connections. The server may not yet have noticed the end of some.
fn max_open() -> usize {
    const ENDING: usize = 300;
    movers() + CROWD + SLOW + QUITTERS + ENDING
}

fn median(samples: &[Sample]) -> u64 {
    let mut resident: Vec<u64> = samples.iter().map(|sample| sample.resident).collect();
    resident.sort_unstable();
    resident.get(resident.len() / 2).copied().unwrap_or(0)
}
