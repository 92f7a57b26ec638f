//! Counts the work of the clients, and reports it while they run and at the end.

use std::mem;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use echo_common::throughput::{Meter, Totals};
use log::info;

/// The counts of one run. Each count is exact. While clients run, several counts that are read one
/// after the other need not fit together.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    clients: u32,
    connected: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    summary: Once,
}

impl Progress {
    /// Starts the counts of a run with this number of clients. The run begins now.
    pub(crate) fn new(clients: u32) -> Self {
        Self {
            start: Instant::now(),
            clients,
            connected: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            summary: Once::new(),
        }
    }

    /// Counts a client as connected until the returned guard is dropped.
    pub(crate) fn connected(&self) -> Connected<'_> {
        self.connected.fetch_add(1, Relaxed);
        Connected(self)
    }

    /// Counts a right reply of `len` bytes.
    pub(crate) fn echoed(&self, len: usize) {
        self.messages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(u64::try_from(len).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts a client that ended and whose replies were all right.
    pub(crate) fn succeeded(&self) {
        self.succeeded.fetch_add(1, Relaxed);
    }

    /// Counts a client that failed.
    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// Counts all clients as failed, because none could start.
    pub(crate) fn all_failed(&self) {
        self.failed.store(u64::from(self.clients), Relaxed);
    }

    /// Whether all clients ended and received only right replies.
    pub(crate) fn all_succeeded(&self) -> bool {
        self.succeeded.load(Relaxed) == u64::from(self.clients)
    }

    /// Whether any client has failed so far.
    pub(crate) fn any_failed(&self) -> bool {
        self.failed.load(Relaxed) > 0
    }

    /// Logs the summary if this is the first call. Other callers wait until the summary is logged.
    pub(crate) fn log_summary(&self) {
        self.summary.call_once(|| info!("{}", self.summary(Instant::now())));
    }

    /// Logs the throughput every `interval` in which a message was echoed. Returns when all senders
    /// of `end` are dropped.
    pub(crate) fn log_throughput(&self, interval: Duration, end: &Receiver<()>) {
        let mut meter = Meter::new(Instant::now());
        let mut reported = Totals::default();
        while matches!(end.recv_timeout(interval), Err(RecvTimeoutError::Timeout)) {
            if let Some(line) = self.throughput(&mut meter, &mut reported, Instant::now()) {
                info!("{line}");
            }
        }
    }

    /// Returns the report since the last call, or `None` when no message was echoed.
    fn throughput(&self, meter: &mut Meter, reported: &mut Totals, now: Instant) -> Option<String> {
        let totals = self.totals();
        let rates = meter.rates(now, totals);
        (mem::replace(reported, totals) != totals).then(|| {
            format!(
                "throughput clients={} messages={} bytes={} messages_per_s={:.1} bytes_per_s={:.1}",
                self.connected.load(Relaxed),
                totals.messages,
                totals.bytes,
                rates.messages_per_s,
                rates.bytes_per_s,
            )
        })
    }

    fn totals(&self) -> Totals {
        Totals { messages: self.messages.load(Relaxed), bytes: self.bytes.load(Relaxed) }
    }

    fn summary(&self, now: Instant) -> String {
        let totals = self.totals();
        let rates = Meter::new(self.start).rates(now, totals);
        format!(
            "summary clients={} succeeded={} failed={} messages={} bytes={} duration={:.3}s \
             messages_per_s={:.1} bytes_per_s={:.1}",
            self.clients,
            self.succeeded.load(Relaxed),
            self.failed.load(Relaxed),
            totals.messages,
            totals.bytes,
            now.saturating_duration_since(self.start).as_secs_f64(),
            rates.messages_per_s,
            rates.bytes_per_s,
        )
    }
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Connected<'a>(&'a Progress);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_every_count_and_the_rates_of_the_whole_run() {
        let progress = Progress::new(3);
        (0..4).for_each(|_| progress.echoed(6));
        progress.succeeded();
        progress.failed();
        assert_eq!(
            progress.summary(progress.start + Duration::from_secs(2)),
            "summary clients=3 succeeded=1 failed=1 messages=4 bytes=24 duration=2.000s \
             messages_per_s=2.0 bytes_per_s=12.0"
        );
    }

    #[test]
    fn the_throughput_is_of_the_interval_and_an_idle_interval_has_no_report() {
        let progress = Progress::new(3);
        let _connected = (progress.connected(), progress.connected());
        let (mut meter, mut reported) = (Meter::new(progress.start), Totals::default());
        let mut line = |seconds| {
            let now = progress.start + Duration::from_secs(seconds);
            progress.throughput(&mut meter, &mut reported, now)
        };
        assert_eq!(line(1), None);
        progress.echoed(6);
        let said = "throughput clients=2 messages=1 bytes=6 messages_per_s=0.5 bytes_per_s=3.0";
        assert_eq!(line(3).as_deref(), Some(said));
        assert_eq!(line(4), None);
        progress.echoed(6);
        let said = "throughput clients=2 messages=2 bytes=12 messages_per_s=1.0 bytes_per_s=6.0";
        assert_eq!(line(5).as_deref(), Some(said));
    }

    #[test]
    fn a_client_that_has_not_ended_is_no_success() {
        let progress = Progress::new(2);
        progress.succeeded();
        assert!(!progress.all_succeeded() && !progress.any_failed());
        progress.succeeded();
        assert!(progress.all_succeeded());
    }

    #[test]
    fn a_client_is_connected_as_long_as_its_guard_lives() {
        let progress = Progress::new(1);
        let guard = progress.connected();
        assert_eq!(progress.connected.load(Relaxed), 1);
        drop(guard);
        assert_eq!(progress.connected.load(Relaxed), 0);
    }
}
