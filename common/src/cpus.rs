//! Which CPUs a thread may use, together with the threads and processes that it starts.

use std::fmt;
use std::str::FromStr;

/// Highest number of a CPU. The system's sets of CPUs have the same limit.
const MAX_CPU: usize = 1_023;

/// CPUs by their numbers, such as `0,2-3`: at least one CPU, each once, in the given order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpus(Vec<usize>);

impl Cpus {
    /// Returns a single CPU.
    #[must_use]
    pub fn one(number: usize) -> Self {
        Self(vec![number])
    }

    /// Returns the numbers of the CPUs.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

impl FromStr for Cpus {
    type Err = String;

    /// # Errors
    /// A sentence for the user when the text is no list of CPUs. The machine need not have them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = vec![];
        for part in text.split(',') {
            let (first, last) = range(part.trim())
                .ok_or_else(|| format!("expected CPUs from 0 to {MAX_CPU} such as 0 or 0,2-3"))?;
            for number in first..=last {
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
            }
        }
        Ok(Self(numbers))
    }
}

fn range(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|number| *number <= MAX_CPU);
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{number}")?;
        }
        Ok(())
    }
}

/// Restricts the current thread to these CPUs, and all threads and processes that it starts from now
/// on.
///
/// # Errors
/// A sentence when the machine has none of them, or the system is not Linux.
pub fn pin_current_thread(cpus: &Cpus) -> Result<(), String> {
    system::pin(cpus)
}

/// Returns the CPUs that the current thread may use.
///
/// # Errors
/// A sentence when the system is not Linux, or when the system call fails.
pub fn allowed() -> Result<Cpus, String> {
    system::allowed().map(Cpus)
}

/// Returns the first pair of CPUs, one from each side, that are the same CPU or two threads of one
/// core. Threads on such a pair take turns or share the units of the core. Only Linux lists the
/// threads of a core.
#[must_use]
pub fn on_one_core(left: &Cpus, right: &Cpus) -> Option<(usize, usize)> {
    first_shared(left, right, system::threads_of_core)
}

fn first_shared(
    left: &Cpus,
    right: &Cpus,
    threads_of_core: impl Fn(usize) -> Option<Cpus>,
) -> Option<(usize, usize)> {
    left.0.iter().find_map(|left| {
        let threads = threads_of_core(*left).unwrap_or(Cpus::one(*left));
        let shared = right.0.iter().find(|right| threads.0.contains(right));
        shared.map(|right| (*left, *right))
    })
}

/// Runs `work` on these CPUs only; with `None`, on the CPUs of the current thread. The threads and
/// processes that `work` starts keep its CPUs.
///
/// # Errors
/// The errors of `work`, or a sentence when the machine has none of the CPUs or the system is not
/// Linux.
pub fn with_pinned<T>(
    cpus: Option<&Cpus>,
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let Some(cpus) = cpus else { return work() };
    let before = system::affinity()?;
    system::pin(cpus)?;
    let outcome = work();
    system::restore(&before)?;
    outcome
}

#[cfg(target_os = "linux")]
mod system {
    use nix::errno::Errno;
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    use super::Cpus;

    /// The process id that stands for the calling thread in these system calls.
    const THIS_THREAD: Pid = Pid::from_raw(0);

    pub(super) fn affinity() -> Result<CpuSet, String> {
        sched_getaffinity(THIS_THREAD).map_err(|error| format!("read the CPUs: {error}"))
    }

    pub(super) fn allowed() -> Result<Vec<usize>, String> {
        let set = affinity()?;
        Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).collect())
    }

    /// Returns the CPUs of a core, or `None` when the system does not list them. Source:
    /// Documentation/ABI/stable/sysfs-devices-system-cpu.
    pub(super) fn threads_of_core(cpu: usize) -> Option<Cpus> {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    pub(super) fn pin(cpus: &Cpus) -> Result<(), String> {
        let mut set = CpuSet::new();
        let asked = cpus.numbers().iter().try_for_each(|cpu| set.set(*cpu));
        asked.and_then(|()| sched_setaffinity(THIS_THREAD, &set)).map_err(|error| match error {
            Errno::EINVAL => format!("pin to CPUs {cpus}: not here, or not allowed"),
            error => format!("pin to CPUs {cpus}: {error}"),
        })
    }

    pub(super) fn restore(set: &CpuSet) -> Result<(), String> {
        sched_setaffinity(THIS_THREAD, set).map_err(|error| format!("return to all CPUs: {error}"))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Cpus;

    pub(super) fn affinity() -> Result<(), String> {
        Ok(())
    }

    pub(super) fn allowed() -> Result<Vec<usize>, String> {
        Err("read the CPUs: only available on Linux".to_owned())
    }

    pub(super) fn threads_of_core(_: usize) -> Option<Cpus> {
        None
    }

    pub(super) fn pin(cpus: &Cpus) -> Result<(), String> {
        Err(format!("pin to CPUs {cpus}: only available on Linux"))
    }

    pub(super) fn restore((): &()) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_numbers_and_ranges() {
        for (text, numbers) in [("0", &[0][..]), ("0,2-3", &[0, 2, 3]), (" 3 , 1-2,2", &[3, 1, 2])]
        {
            assert_eq!(text.parse::<Cpus>().unwrap().numbers(), numbers);
        }
        assert_eq!("0,2-3".parse::<Cpus>().unwrap().to_string(), "0,2,3");
        for text in ["", "a", "-1", "1-", "3-2", "0,,1", "1024", "0-1-2"] {
            assert!(text.parse::<Cpus>().is_err(), "{text}");
        }
    }

    #[test]
    fn cpus_share_a_core_when_they_are_one_or_its_threads() {
        // Two cores of two threads each, and a CPU that the system does not list.
        let threads = |cpu: usize| (cpu < 4).then(|| Cpus(vec![cpu % 2, cpu % 2 + 2]));
        let shared = |left: &str, right: &str| {
            first_shared(&left.parse().unwrap(), &right.parse().unwrap(), threads)
        };
        assert_eq!(shared("0", "1"), None);
        assert_eq!(shared("0", "2"), Some((0, 2)));
        assert_eq!(shared("0,1", "5,3"), Some((1, 3)));
        assert_eq!(shared("5", "5"), Some((5, 5)));
        assert_eq!(shared("5", "0-4"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_cpu_is_a_thread_of_its_own_core() {
        let first = Cpus::one(allowed().unwrap().numbers()[0]);
        let threads = system::threads_of_core(first.0[0]);
        assert!(threads.is_none_or(|threads| threads.0.contains(&first.0[0])));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_pinned_and_gets_its_cpus_back() {
        let before = allowed().unwrap();
        let first = Cpus::one(before.numbers()[0]);
        assert_eq!(with_pinned(Some(&first), allowed), Ok(first));
        assert_eq!(allowed(), Ok(before));
        let error = with_pinned(Some(&Cpus(vec![MAX_CPU])), || Ok(())).unwrap_err();
        assert_eq!(error, "pin to CPUs 1023: not here, or not allowed");
    }
}
