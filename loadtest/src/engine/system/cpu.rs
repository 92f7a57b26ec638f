//! A thread and its CPU: how long the thread ran, how long it waited for a CPU, and how it yields to other
//! threads.

use echo_common::scheduling;

/// Makes the calling thread leave its CPU to any other thread, see [`scheduling::run_when_idle`].
/// Changes nothing where the system refuses.
pub(crate) fn give_way() {
    if scheduling::run_when_idle().is_err() {
        log::debug!("the system does not let a thread give way");
    }
}

/// A thread's times since it started. Both are zero where the system does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ThreadTime {
    /// How long the thread was on a CPU.
    pub(crate) running_ns: u64,
    /// How long the thread was ready to run and had no CPU.
    pub(crate) waiting_ns: u64,
}

impl ThreadTime {
    /// Returns the times of the calling thread.
    pub(crate) fn now() -> Self {
        std::fs::read_to_string("/proc/thread-self/schedstat")
            .ok()
            .and_then(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    /// Reads proc_pid_schedstat: time on the CPU, time waiting for one, number of time slices.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().ok());
        Some(Self { running_ns: numbers.next()??, waiting_ns: numbers.next()?? })
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            running_ns: self.running_ns.saturating_sub(earlier.running_ns),
            waiting_ns: self.waiting_ns.saturating_sub(earlier.waiting_ns),
        }
    }
}

/// What a thread does while it waits for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The thread sleeps until there is an event.
    Sleeps,
    /// The thread polls without sleeping.
    Spins,
}

/// What a thread did while it measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ThreadUse {
    /// How long the thread measured.
    pub(crate) measured_ns: u64,
    /// How much of that time went into calls that wait for events.
    pub(crate) idle_ns: u64,
    pub(crate) time: ThreadTime,
    /// The period to which `time` belongs. It is longer than `measured_ns` if messages are counted,
    /// because `measured_ns` ends with the last message.
    pub(crate) timed_ns: u64,
}

impl ThreadUse {
    /// Returns the part of the time in which the thread had something to do, 0 to 1.
    ///
    /// A call that waits may be all work, if events are there already: with many connections a tenth of
    /// the time goes into such calls. The result is therefore at least the part in which the scheduler
    /// had the thread on a CPU or ready for one. A thread that spins is always on a CPU, so for it the
    /// scheduler says nothing.
    pub(crate) fn busy(&self, waiting: Waiting) -> f64 {
        let by_calls = part(self.measured_ns.saturating_sub(self.idle_ns), self.measured_ns);
        let awake = part(self.time.running_ns + self.time.waiting_ns, self.timed_ns);
        match waiting {
            Waiting::Sleeps => by_calls.max(awake),
            Waiting::Spins => by_calls,
        }
    }

    /// Returns the part of the time in which the thread was ready to run and had no CPU, 0 to 1.
    pub(crate) fn waiting(&self) -> f64 {
        part(self.time.waiting_ns, self.timed_ns)
    }
}

fn part(ns: u64, of_ns: u64) -> f64 {
    (ns as f64 / of_ns.max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_may_be_work() {
        let thread = |idle_ns, running_ns, waiting_ns| ThreadUse {
            measured_ns: 100,
            idle_ns,
            time: ThreadTime { running_ns, waiting_ns },
            timed_ns: 200,
        };
        // Asleep; at work in the call; ready, now and then; held up by the host; unknown to the
        // scheduler.
        for (thread, busy) in [
            (thread(75, 30, 20), 0.25),
            (thread(11, 198, 0), 0.99),
            (thread(11, 180, 14), 0.97),
            (thread(11, 160, 0), 0.89),
            (thread(11, 0, 0), 0.89),
        ] {
            assert!((thread.busy(Waiting::Sleeps) - busy).abs() < 1e-9, "{thread:?}");
        }
        assert!((thread(40, 200, 0).busy(Waiting::Spins) - 0.6).abs() < 1e-9, "looking is no work");
        assert!((thread(0, 0, 10).waiting() - 0.05).abs() < 1e-9);
        assert!(ThreadUse::default().busy(Waiting::Sleeps).abs() < 1e-9);
    }

    #[test]
    fn a_schedstat_is_read() {
        let time = ThreadTime { running_ns: 12, waiting_ns: 34 };
        assert_eq!(ThreadTime::parse("12 34 5\n"), Some(time));
        assert_eq!(ThreadTime::parse("12"), None);
        assert_eq!(ThreadTime::parse("a b c"), None);
    }
}
