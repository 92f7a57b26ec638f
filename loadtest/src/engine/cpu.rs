//! What a thread costs, and whether it got a CPU when it wanted one, as the scheduler accounts for it.

/// Since the thread started. All zero where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ThreadTime {
    /// On a CPU.
    pub(crate) running_ns: u64,
    /// Ready to run, without a CPU.
    pub(crate) waiting_ns: u64,
}

impl ThreadTime {
    /// Of the calling thread.
    pub(crate) fn now() -> Self {
        std::fs::read_to_string("/proc/thread-self/schedstat")
            .ok()
            .and_then(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    /// proc_pid_schedstat: time on the CPU, time waiting for one, time slices.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedstat_is_read() {
        let time = ThreadTime { running_ns: 12, waiting_ns: 34 };
        assert_eq!(ThreadTime::parse("12 34 5\n"), Some(time));
        assert_eq!(ThreadTime::parse("12"), None);
        assert_eq!(ThreadTime::parse("a b c"), None);
    }
}
