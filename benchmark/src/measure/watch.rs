//! Watches the machine during a comparison: how much CPU time others take, and how much the host
//! withholds.

use std::time::{Duration, Instant, SystemTime};

use nix::sys::resource::{UsageWho, getrusage};
use procfs::{CurrentSI, KernelStats, ticks_per_second};

use super::orphans::Orphanage;
use crate::results::Conditions;

/// Runs during one comparison.
#[derive(Debug)]
pub(super) struct Watch {
    started_at: SystemTime,
    start: Instant,
    before: CpuTimes,
    orphanage: Orphanage,
}

/// CPU time used so far.
#[derive(Debug, Clone, Copy)]
struct CpuTimes {
    all: Duration,
    /// Of this process and of all its descendants that have ended.
    own: Duration,
    stolen: Duration,
}

impl Watch {
    /// Starts to watch. The caller must have waited for its children before, because a child would count
    /// as an orphan of an earlier comparison.
    ///
    /// # Errors
    /// A sentence if the CPU times cannot be read, or an orphan still runs.
    pub(super) fn start() -> Result<Self, String> {
        let orphanage = Orphanage::open()?;
        reap(&orphanage)?;
        Ok(Self {
            orphanage,
            started_at: SystemTime::now(),
            start: Instant::now(),
            before: CpuTimes::now()?,
        })
    }

    /// Returns the conditions since the start. The caller must have waited for its children before.
    ///
    /// # Errors
    /// A sentence if the CPU times cannot be read, or an orphan still runs. The CPU time of such an
    /// orphan would be missing here and count as others' work later.
    pub(super) fn stop(self) -> Result<Conditions, String> {
        reap(&self.orphanage)?;
        let (now, seconds) = (CpuTimes::now()?, self.start.elapsed().as_secs_f64());
        let all = now.all.saturating_sub(self.before.all);
        let own = now.own.saturating_sub(self.before.own);
        let stolen = now.stolen.saturating_sub(self.before.stolen);
        // Three digits suffice, because the system counts hundredths of a second.
        let cpus = |time: Duration| (time.as_secs_f64() / seconds * 1e3).round() / 1e3;
        Ok(Conditions {
            started_at: humantime::format_rfc3339_seconds(self.started_at).to_string(),
            others_cpus: cpus(all.saturating_sub(own)),
            stolen_cpus: cpus(stolen),
        })
    }
}

fn reap(orphanage: &Orphanage) -> Result<(), String> {
    match orphanage.reap() {
        true => Ok(()),
        false => Err("a process that a server or a load tester started still runs".to_owned()),
    }
}

impl CpuTimes {
    fn now() -> Result<Self, String> {
        let cpus = KernelStats::current().map_err(|error| unreadable(&error))?.total;
        let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 / ticks_per_second() as f64);
        let own = used(UsageWho::RUSAGE_SELF)? + used(UsageWho::RUSAGE_CHILDREN)?;
        // On most kernels the CPU time of a process contains the interrupts that ran while it did. On
        // loopback these interrupts do all the work, so they must be part of the whole too. With
        // CONFIG_IRQ_TIME_ACCOUNTING they belong to no process. Then they count as others' work, and a
        // comparison may be called disturbed that was not.
        let interrupts = cpus.irq.unwrap_or(0) + cpus.softirq.unwrap_or(0);
        let all = time(cpus.user + cpus.nice + cpus.system + interrupts);
        Ok(Self { all, own, stolen: time(cpus.steal.unwrap_or(0)) })
    }
}

/// Returns the CPU time that was used so far.
fn used(who: UsageWho) -> Result<Duration, String> {
    let usage = getrusage(who).map_err(|error| unreadable(&error))?;
    let micros = [usage.user_time(), usage.system_time()]
        .map(|part| u64::try_from(part.tv_sec() * 1_000_000 + part.tv_usec()).unwrap_or(0));
    Ok(Duration::from_micros(micros.into_iter().sum()))
}

fn unreadable(error: &dyn std::error::Error) -> String {
    format!("read the machine's CPU time: {error}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use echo_tests::alone::alone;
    use echo_tests::process::eventually;

    use super::*;

    #[test]
    fn the_conditions_say_when_a_comparison_started() {
        alone("measure::watch::tests::the_conditions_say_when_a_comparison_started", || {
            let conditions = Watch::start().unwrap().stop().unwrap();
            assert!(conditions.started_at.ends_with('Z'), "{conditions:?}");
        });
    }

    #[test]
    fn own_work_counts_as_own() {
        let before = CpuTimes::now().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        let now = CpuTimes::now().unwrap();
        assert!(now.own > before.own && now.all >= before.all);
    }

    /// Like a worker of Node's cluster, this orphan outlives its parent.
    #[test]
    fn the_work_of_orphans_counts_as_own() {
        const BURN: &str = "(i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done) &";
        alone("measure::watch::tests::the_work_of_orphans_counts_as_own", || {
            let watch = Watch::start().unwrap();
            assert!(Command::new("sh").args(["-c", BURN]).status().unwrap().success());
            let before = used(UsageWho::RUSAGE_CHILDREN).unwrap();
            eventually("the end of the orphan", || watch.orphanage.reap().then_some(()));
            let orphans = used(UsageWho::RUSAGE_CHILDREN).unwrap() - before;
            assert!(orphans > Duration::ZERO, "no orphan was reaped");
            assert!(CpuTimes::now().unwrap().own >= watch.before.own + orphans);
        });
    }

    #[test]
    fn a_process_that_still_runs_is_an_error() {
        alone("measure::watch::tests::a_process_that_still_runs_is_an_error", || {
            let watch = Watch::start().unwrap();
            let mut child = Command::new("sleep").arg("100").spawn().unwrap();
            let outcomes = [watch.stop().map(drop), Watch::start().map(drop)];
            child.kill().and_then(|()| child.wait()).unwrap();
            for outcome in outcomes {
                assert!(outcome.unwrap_err().ends_with("still runs"));
            }
        });
    }
}
