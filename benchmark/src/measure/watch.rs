//! Where something is measured, and what else the machine does meanwhile.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use echo_loadtest::machine;
use nix::sys::resource::{UsageWho, getrusage};
use procfs::{CurrentSI, KernelStats, ticks_per_second};

use crate::measure::orphans::Orphanage;
use crate::results::raw::Context;
use echo_tests::workspace::workspace;

/// With more of a CPU kept busy by others, or taken by the host, figures are not to be trusted.
pub(crate) const MAX_OTHERS_CPUS: f64 = 0.10;

impl Context {
    /// Whether others worked on this machine meanwhile.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.others_cpus > MAX_OTHERS_CPUS || self.stolen_cpus > MAX_OTHERS_CPUS
    }
}

/// Runs while something is measured.
#[derive(Debug)]
pub(crate) struct Watch {
    started_at: SystemTime,
    start: Instant,
    before: Taken,
    orphanage: Orphanage,
}

/// CPU time so far.
#[derive(Debug, Clone, Copy)]
struct Taken {
    all: Duration,
    /// Of this process, of those that it started, and of theirs, as far as they have ended.
    own: Duration,
    stolen: Duration,
}

impl Watch {
    /// Every child has to be reaped before: it would be taken for an orphan of an earlier watch.
    ///
    /// # Errors
    /// A sentence when the system does not tell, or such an orphan still runs.
    pub(crate) fn start() -> Result<Self, String> {
        let orphanage = Orphanage::open()?;
        reap(&orphanage)?;
        Ok(Self {
            orphanage,
            started_at: SystemTime::now(),
            start: Instant::now(),
            before: Taken::now()?,
        })
    }

    /// Every child has to be reaped before: it would be taken for an orphan.
    ///
    /// # Errors
    /// A sentence when the system does not tell, or an orphan still runs: what it takes would be missing
    /// here, and count as others' work from now on.
    pub(crate) fn stop(self, origin: &Origin) -> Result<Context, String> {
        reap(&self.orphanage)?;
        let (now, seconds) = (Taken::now()?, self.start.elapsed().as_secs_f64());
        let all = now.all.saturating_sub(self.before.all);
        let own = now.own.saturating_sub(self.before.own);
        let stolen = now.stolen.saturating_sub(self.before.stolen);
        // To three digits: the system counts hundredths of a second.
        let cpus = |time: Duration| (time.as_secs_f64() / seconds * 1e3).round() / 1e3;
        Ok(Context {
            machine: machine::this(),
            started_at: humantime::format_rfc3339_seconds(self.started_at).to_string(),
            rustc: origin.rustc.clone(),
            commit: origin.commit.clone(),
            others_cpus: cpus(all.saturating_sub(own)),
            stolen_cpus: cpus(stolen),
        })
    }
}

fn reap(orphanage: &Orphanage) -> Result<(), String> {
    match orphanage.reap() {
        true => Ok(()),
        false => Err("what a server or a load tester had started still runs".to_owned()),
    }
}

impl Taken {
    fn now() -> Result<Self, String> {
        let cpus = KernelStats::current().map_err(|error| untold(&error))?.total;
        #[allow(clippy::cast_precision_loss)] // Below 2^53.
        let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 / ticks_per_second() as f64);
        let own = used(UsageWho::RUSAGE_SELF)? + used(UsageWho::RUSAGE_CHILDREN)?;
        // Where time is counted at ticks alone, a process's own holds the interrupts that it was under, and
        // all of loopback's work is done in such ones: without them others' work would disappear behind it.
        // With CONFIG_IRQ_TIME_ACCOUNTING they are in no process, so that all of them are taken for
        // others', and rows may be called disturbed that were not.
        let interrupts = cpus.irq.unwrap_or(0) + cpus.softirq.unwrap_or(0);
        let all = time(cpus.user + cpus.nice + cpus.system + interrupts);
        Ok(Self { all, own, stolen: time(cpus.steal.unwrap_or(0)) })
    }
}

/// CPU time that was used so far.
fn used(who: UsageWho) -> Result<Duration, String> {
    let usage = getrusage(who).map_err(|error| untold(&error))?;
    let micros = [usage.user_time(), usage.system_time()]
        .map(|part| u64::try_from(part.tv_sec() * 1_000_000 + part.tv_usec()).unwrap_or(0));
    Ok(Duration::from_micros(micros.into_iter().sum()))
}

fn untold(error: &dyn std::error::Error) -> String {
    format!("read the machine's CPU time: {error}")
}

/// What our server is built from.
#[derive(Debug)]
pub(crate) struct Origin {
    rustc: String,
    commit: String,
}

impl Origin {
    /// That of this workspace; `unknown` where nobody can tell.
    pub(crate) fn here() -> Self {
        let line = |said: Option<String>| said.unwrap_or_else(|| "unknown".to_owned());
        // Results do not go into what is built.
        let sources = [".", ":!performance", ":!PERFORMANCE.md"];
        let changes = said("git", &[&["status", "--porcelain", "--"][..], &sources].concat());
        let dirty = if changes.is_some() { ", and changes" } else { "" };
        let commit = line(said("git", &["rev-parse", "--short", "HEAD"]));
        Self { rustc: line(said("rustc", &["--version"])), commit: commit + dirty }
    }
}

/// The first line that a program prints, if any.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(workspace()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use echo_tests::alone::alone;
    use echo_tests::process::eventually;

    use super::*;

    #[test]
    fn the_context_says_where_and_when() {
        alone("measure::watch::tests::the_context_says_where_and_when", || {
            let origin = Origin::here();
            let context = Watch::start().unwrap().stop(&origin).unwrap();
            assert!(context.rustc.starts_with("rustc "), "{context:?}");
            assert!(!context.machine.kernel.is_empty() && context.started_at.ends_with('Z'));
        });
    }

    #[test]
    fn own_work_is_nobody_elses() {
        let before = Taken::now().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        let now = Taken::now().unwrap();
        assert!(now.own > before.own && now.all >= before.all);
    }

    /// As the workers of Node's clusters do, it outlives the one that started it.
    #[test]
    fn the_work_of_orphans_is_own_work() {
        const BURN: &str = "(i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done) &";
        alone("measure::watch::tests::the_work_of_orphans_is_own_work", || {
            let watch = Watch::start().unwrap();
            assert!(Command::new("sh").args(["-c", BURN]).status().unwrap().success());
            let before = used(UsageWho::RUSAGE_CHILDREN).unwrap();
            eventually("the end of the orphan", || watch.orphanage.reap().then_some(()));
            let orphans = used(UsageWho::RUSAGE_CHILDREN).unwrap() - before;
            assert!(orphans > Duration::ZERO, "nobody was reaped");
            assert!(Taken::now().unwrap().own >= watch.before.own + orphans);
        });
    }

    #[test]
    fn what_still_runs_is_an_error() {
        alone("measure::watch::tests::what_still_runs_is_an_error", || {
            let watch = Watch::start().unwrap();
            let mut child = Command::new("sleep").arg("100").spawn().unwrap();
            let outcomes = [watch.stop(&Origin::here()).map(drop), Watch::start().map(drop)];
            child.kill().and_then(|()| child.wait()).unwrap();
            for outcome in outcomes {
                assert!(outcome.unwrap_err().ends_with("still runs"));
            }
        });
    }
}
