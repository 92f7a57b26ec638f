//! What a process and its descendants use, on systems that say so: on Linux.

/// What processes have used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time so far, in nanoseconds, of all threads, including those that have ended. For
    /// descendants that have ended it is exact only to the system's tick of 10 ms.
    pub cpu_ns: u64,
    /// Resident memory in bytes. Pages that several processes share are counted for each of them.
    pub resident_bytes: u64,
}

/// A watch over a process, its descendants, and the other members of its group.
#[derive(Debug)]
pub struct Watch(system::Watch);

impl Watch {
    /// Returns a watch over the process group that `leader` leads.
    #[must_use]
    pub fn new(leader: u32) -> Self {
        Self(system::Watch::new(leader))
    }

    /// Returns what the processes have used, or `None` if the leader is gone or the system does not say.
    /// Processes that were started within the last second may be missing.
    pub fn sample(&mut self) -> Option<Usage> {
        self.0.sample()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::{Duration, Instant};

    use nix::time::{clock_getcpuclockid, clock_gettime};
    use nix::unistd::Pid;
    use procfs::process::{Process, Stat, all_processes};

    use super::Usage;

    /// Minimum time between two looks at all processes, of which there may be thousands.
    const MIN_SCAN_INTERVAL: Duration = Duration::from_secs(1);

    #[derive(Debug)]
    pub(super) struct Watch {
        leader: i32,
        members: Vec<Process>,
        scanned: Option<Instant>,
    }

    impl Watch {
        pub(super) fn new(leader: u32) -> Self {
            // A number that does not fit belongs to no process, so none is found.
            Self { leader: i32::try_from(leader).unwrap_or(-1), members: vec![], scanned: None }
        }

        pub(super) fn sample(&mut self) -> Option<Usage> {
            if self.scanned.is_none_or(|scanned| scanned.elapsed() >= MIN_SCAN_INTERVAL) {
                self.members = members(self.leader)?;
                self.scanned = Some(Instant::now());
            }
            let mut total = Usage::default();
            for process in &self.members {
                match usage(process) {
                    Some(usage) => {
                        total.cpu_ns += usage.cpu_ns;
                        total.resident_bytes += usage.resident_bytes;
                    }
                    None if process.pid() == self.leader => return None,
                    // The process has ended, and its time is in its parent's sum.
                    None => {}
                }
            }
            Some(total)
        }
    }

    /// Returns the processes to watch, or `None` if the leader is gone.
    fn members(leader: i32) -> Option<Vec<Process>> {
        // Processes that end in the meantime do not matter.
        let stats: Vec<Stat> =
            all_processes().ok()?.flatten().filter_map(|process| process.stat().ok()).collect();
        let mut members = vec![leader];
        let mut grown = true;
        while grown {
            let before = members.len();
            for stat in &stats {
                let belongs = stat.pgrp == leader || members.contains(&stat.ppid);
                if belongs && !members.contains(&stat.pid) {
                    members.push(stat.pid);
                }
            }
            grown = members.len() > before;
        }
        let members: Vec<_> =
            members.into_iter().filter_map(|pid| Process::new(pid).ok()).collect();
        members.iter().any(|process| process.pid() == leader).then_some(members)
    }

    fn usage(process: &Process) -> Option<Usage> {
        let stat = process.stat().ok()?;
        let children = u64::try_from(stat.cutime.saturating_add(stat.cstime)).unwrap_or(0);
        let children_ns = children * (1_000_000_000 / procfs::ticks_per_second().max(1));
        Some(Usage {
            cpu_ns: cpu_ns(process.pid())? + children_ns,
            resident_bytes: resident_bytes(process).unwrap_or(0),
        })
    }

    /// Returns the CPU time of a process by its own clock. The sum over its threads would lose threads
    /// that have ended, and the ticks of `/proc/PID/stat` are too coarse.
    fn cpu_ns(pid: i32) -> Option<u64> {
        let time = clock_gettime(clock_getcpuclockid(Pid::from_raw(pid)).ok()?).ok()?;
        u64::try_from(Duration::from(time).as_nanos()).ok()
    }

    /// Returns the resident memory, counted page by page, because the faster counters of `statm` lag
    /// behind. A process that has ended has none.
    fn resident_bytes(process: &Process) -> Option<u64> {
        let rollup = process.smaps_rollup().ok()?;
        rollup.memory_map_rollup.iter().find_map(|map| map.extension.map.get("Rss").copied())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Usage;

    #[derive(Debug)]
    pub(super) struct Watch;

    impl Watch {
        pub(super) fn new(_: u32) -> Self {
            Self
        }

        pub(super) fn sample(&mut self) -> Option<Usage> {
            None
        }
    }
}
