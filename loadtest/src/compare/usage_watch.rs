//! What a server uses, over time. Only the report of a run says which part of the time was measured, so
//! everything is kept until then.

use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::target::{Usage, Watch};

/// Time between two samples. More samples would take CPU time from the run. Between two samples the use
/// is taken to be even.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// Takes samples while it lives, on a thread of its own.
#[derive(Debug)]
pub(super) struct UsageWatch {
    running: Sender<()>,
    thread: JoinHandle<UsageSamples>,
}

impl UsageWatch {
    /// Watches a process that leads its group. The first sample is taken before this returns.
    pub(super) fn start(leader: u32) -> Result<Self, String> {
        let (running, stop) = bounded(0);
        let mut watch = Watch::new(leader);
        let mut samples = UsageSamples::new(vec![]);
        samples.take(&mut watch);
        let thread = thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || samples.collect(&mut watch, &stop))
            .map_err(|error| format!("start a thread to watch the server: {error}"))?;
        Ok(Self { running, thread })
    }

    /// Takes a last sample, and returns all of them.
    pub(super) fn stop(self) -> UsageSamples {
        drop(self.running);
        // The thread does not panic. If it did, nothing would be known.
        self.thread.join().unwrap_or_default()
    }
}

/// Samples of a server's usage, in order of time.
#[derive(Debug, Default)]
pub(super) struct UsageSamples(Vec<(SystemTime, Usage)>);

impl UsageSamples {
    pub(super) fn new(samples: Vec<(SystemTime, Usage)>) -> Self {
        Self(samples)
    }

    fn collect(mut self, watch: &mut Watch, stop: &Receiver<()>) -> Self {
        while matches!(stop.recv_timeout(PERIOD), Err(RecvTimeoutError::Timeout)) {
            self.take(watch);
        }
        self.take(watch);
        self
    }

    fn take(&mut self, watch: &mut Watch) {
        if let Some(usage) = watch.sample() {
            self.0.push((SystemTime::now(), usage));
        }
    }

    /// Returns the CPU time until `at`, or `None` if that is not between two samples.
    pub(super) fn cpu_ns(&self, at: SystemTime) -> Option<u64> {
        let after = self.0.iter().position(|(time, _)| *time >= at)?;
        let (end, later) = self.0.get(after)?;
        if *end == at {
            return Some(later.cpu_ns);
        }
        let (start, earlier) = self.0.get(after.checked_sub(1)?)?;
        let part = at.duration_since(*start).ok()?.as_secs_f64();
        let whole = end.duration_since(*start).ok()?.as_secs_f64();
        let taken = later.cpu_ns.saturating_sub(earlier.cpu_ns);
        #[expect(clippy::cast_possible_truncation, reason = "a part of what was taken")]
        #[expect(clippy::cast_sign_loss, reason = "both factors are positive")]
        let taken = (taken as f64 * (part / whole)) as u64;
        Some(earlier.cpu_ns + taken)
    }

    /// Returns the maximum by which the memory between the two times exceeded that of the first sample,
    /// or `None` if there is no sample.
    pub(super) fn growth_bytes(&self, start: SystemTime, end: SystemTime) -> Option<u64> {
        let (_, idle) = self.0.first()?;
        let measured = self.0.iter().filter(|(time, _)| (start..=end).contains(time));
        let most = measured.map(|(_, usage)| usage.resident_bytes).max()?;
        Some(most.saturating_sub(idle.resident_bytes))
    }
}
