//! What a server takes of the system, over time: a run tells only afterwards which part of it was
//! measured.

use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::target::{Usage, Watch};

/// Between two samples. More would take CPU from what is measured; between them the time is divided
/// evenly.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// UsageSamples while it lives, on a thread of its own.
#[derive(Debug)]
pub(super) struct UsageWatch {
    running: Sender<()>,
    thread: JoinHandle<UsageSamples>,
}

impl UsageWatch {
    /// Watches a process that leads its group; the first sample is taken before this returns.
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

    /// All samples; the last is taken now.
    pub(super) fn stop(self) -> UsageSamples {
        drop(self.running);
        // It does not panic; if it did, nothing would be known.
        self.thread.join().unwrap_or_default()
    }
}

/// What was taken by when, in order.
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

    /// The CPU time until then; `None` when that is not between two samples.
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
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        #[allow(clippy::cast_sign_loss)] // A part of it.
        let taken = (taken as f64 * (part / whole)) as u64;
        Some(earlier.cpu_ns + taken)
    }

    /// By how much the memory between the two times exceeded that of the first sample, at most. `None`
    /// when there is no sample.
    pub(super) fn growth_bytes(&self, start: SystemTime, end: SystemTime) -> Option<u64> {
        let (_, idle) = self.0.first()?;
        let measured = self.0.iter().filter(|(time, _)| (start..=end).contains(time));
        let most = measured.map(|(_, usage)| usage.resident_bytes).max()?;
        Some(most.saturating_sub(idle.resident_bytes))
    }
}
