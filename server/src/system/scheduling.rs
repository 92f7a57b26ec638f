//! Who goes first when threads of the server share a CPU. Knows nothing of what they do.

/// A thread that calls this does not interrupt a running one when it is woken: it waits until that
/// one sleeps or has had its share, and gets its own share then (`SCHED_BATCH`, sched(7)). On a CPU that
/// is free it runs as soon as ever.
///
/// Linux only; elsewhere, under another policy than the usual one, and where it is refused, nothing
/// changes.
pub(crate) fn give_way() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if system::give_way().is_none() {
        log::debug!("the scheduling policy stays as it is");
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use rustix::process::getpriority_process;
    use thread_priority::{
        NormalThreadSchedulePolicy::{Batch, Other},
        ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id, thread_schedule_policy,
    };

    const USUAL: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(Other);
    const GIVING_WAY: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(Batch);

    pub(super) fn give_way() -> Option<()> {
        if thread_schedule_policy() != Ok(USUAL) {
            return None;
        }
        // Of the calling thread; the call that sets the policy sets it again.
        let priority = priority_of(getpriority_process(None).ok()?)?;
        set_thread_priority_and_policy(thread_native_id(), priority, GIVING_WAY).ok()
    }

    /// What the library takes for this niceness.
    fn priority_of(niceness: i32) -> Option<ThreadPriority> {
        (0..100_u8)
            .filter_map(|value| ThreadPriorityValue::try_from(value).ok())
            .map(ThreadPriority::Crossplatform)
            .find(|priority| priority.to_posix(GIVING_WAY) == Ok(niceness))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_that_gives_way_keeps_its_niceness() {
            let niceness = getpriority_process(None).unwrap();
            give_way().unwrap();
            assert_eq!(thread_schedule_policy(), Ok(GIVING_WAY));
            assert_eq!(getpriority_process(None), Ok(niceness));
            assert_eq!(give_way(), None, "it is not the usual policy any more");
        }

        #[test]
        fn every_niceness_has_its_priority() {
            for niceness in -20..=19 {
                assert!(priority_of(niceness).is_some(), "{niceness}");
            }
        }
    }
}
