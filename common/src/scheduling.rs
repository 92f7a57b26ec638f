//! Who goes first when threads share a CPU: two scheduling policies of Linux (sched(7)).
//!
//! On other systems both functions change nothing and succeed.

use std::error::Error;
use std::fmt;

/// The system refused the policy, or the thread already had one that is not the usual policy. The
/// thread keeps the policy that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRefused;

impl fmt::Display for PolicyRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scheduling policy stays as it is")
    }
}

impl Error for PolicyRefused {}

/// Stops the calling thread from interrupting a running thread when it wakes up (`SCHED_BATCH`).
///
/// The woken thread waits until the running one sleeps or has had its share, and then gets a share of
/// its own. On a free CPU the woken thread runs at once. The thread keeps its niceness.
///
/// # Errors
/// [`PolicyRefused`].
pub fn wait_for_turn() -> Result<(), PolicyRefused> {
    system::wait_for_turn()
}

/// Makes the calling thread leave its CPU at once to any other thread that wants it (`SCHED_IDLE`).
/// A thread with a high niceness, in contrast, keeps its CPU for some milliseconds.
///
/// # Errors
/// [`PolicyRefused`].
pub fn run_when_idle() -> Result<(), PolicyRefused> {
    system::run_when_idle()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use rustix::process::getpriority_process;
    use thread_priority::{
        NormalThreadSchedulePolicy::{Batch, Idle, Other},
        ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id, thread_schedule_policy,
    };

    use super::PolicyRefused;

    pub(super) const USUAL: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(Other);
    pub(super) const BATCH: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(Batch);
    pub(super) const IDLE: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(Idle);

    pub(super) fn wait_for_turn() -> Result<(), PolicyRefused> {
        if thread_schedule_policy() != Ok(USUAL) {
            return Err(PolicyRefused);
        }
        // The niceness of the calling thread. The call that sets the policy sets the niceness too.
        let niceness = getpriority_process(None).map_err(|_| PolicyRefused)?;
        let priority = batch_priority(niceness).ok_or(PolicyRefused)?;
        set_thread_priority_and_policy(thread_native_id(), priority, BATCH)
            .map_err(|_| PolicyRefused)
    }

    pub(super) fn run_when_idle() -> Result<(), PolicyRefused> {
        // The call sets the policy first and a niceness second. The niceness has no effect under
        // this policy, and the system may refuse it, so only the policy is checked.
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, IDLE);
        if thread_schedule_policy() == Ok(IDLE) { Ok(()) } else { Err(PolicyRefused) }
    }

    /// Returns the priority that the library turns into this niceness under [`BATCH`].
    pub(super) fn batch_priority(niceness: i32) -> Option<ThreadPriority> {
        (0..100_u8)
            .filter_map(|value| ThreadPriorityValue::try_from(value).ok())
            .map(ThreadPriority::Crossplatform)
            .find(|priority| priority.to_posix(BATCH) == Ok(niceness))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use super::PolicyRefused;

    pub(super) fn wait_for_turn() -> Result<(), PolicyRefused> {
        Ok(())
    }

    pub(super) fn run_when_idle() -> Result<(), PolicyRefused> {
        Ok(())
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::thread;

    use rustix::process::getpriority_process;
    use thread_priority::thread_schedule_policy;

    use super::system::{BATCH, IDLE, batch_priority};
    use super::*;

    #[test]
    fn a_thread_that_waits_for_its_turn_keeps_its_niceness() {
        let checks = thread::spawn(|| {
            let niceness = getpriority_process(None).unwrap();
            wait_for_turn().unwrap();
            assert_eq!(thread_schedule_policy(), Ok(BATCH));
            assert_eq!(getpriority_process(None), Ok(niceness));
            assert_eq!(wait_for_turn(), Err(PolicyRefused), "the policy is not the usual one");
        });
        checks.join().unwrap();
    }

    #[test]
    fn a_thread_that_runs_when_idle_does_not_change_other_threads() {
        let policy = thread::spawn(|| {
            run_when_idle().unwrap();
            thread_schedule_policy()
        });
        assert_eq!(policy.join().ok(), Some(Ok(IDLE)));
        assert_ne!(thread_schedule_policy(), Ok(IDLE));
    }

    #[test]
    fn every_niceness_has_its_priority() {
        for niceness in -20..=19 {
            assert!(batch_priority(niceness).is_some(), "{niceness}");
        }
    }
}
