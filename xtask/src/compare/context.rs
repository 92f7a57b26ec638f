//! Where something is measured, and what else the machine does meanwhile.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use echo_loadtest::machine;
use nix::sys::resource::{UsageWho, getrusage};
use procfs::{CurrentSI, KernelStats, ticks_per_second};

use super::orphans::Orphanage;
use super::raw::Context;
use crate::cargo::workspace;

/// With more of a CPU kept busy by others, or taken by the host, figures are not to be trusted.
pub(super) const MAX_OTHERS_CPUS: f64 = 0.10;

impl Context {
    /// Whether others worked on this machine meanwhile.
    pub(super) fn is_disturbed(&self) -> bool {
        self.others_cpus > MAX_OTHERS_CPUS || self.stolen_cpus > MAX_OTHERS_CPUS
    }
}

/// Runs while something is measured.
#[derive(Debug)]
pub(super) struct Watch {
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
    /// # Errors
    /// A sentence when the system does not tell.
    pub(super) fn start() -> Result<Self, String> {
        Ok(Self {
            orphanage: Orphanage::open()?,
            started_at: SystemTime::now(),
            start: Instant::now(),
            before: Taken::now()?,
        })
    }

    /// Every child has to be reaped before: it would be taken for an orphan.
    ///
    /// # Errors
    /// A sentence when the system does not tell.
    pub(super) fn stop(self, origin: &Origin) -> Result<Context, String> {
        self.orphanage.reap();
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

impl Taken {
    fn now() -> Result<Self, String> {
        let told = |error: &dyn std::error::Error| format!("read the machine's CPU time: {error}");
        let cpus = KernelStats::current().map_err(|error| told(&error))?.total;
        #[allow(clippy::cast_precision_loss)] // Below 2^53.
        let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 / ticks_per_second() as f64);
        let mut own = Duration::ZERO;
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who).map_err(|error| told(&error))?;
            for part in [usage.user_time(), usage.system_time()] {
                let micros = part.tv_sec() * 1_000_000 + part.tv_usec();
                own += Duration::from_micros(u64::try_from(micros).unwrap_or(0));
            }
        }
        // A process's own time holds the interrupts that it was under, and all of loopback's work is
        // done in such ones: without them others' work would disappear behind it.
        let interrupts = cpus.irq.unwrap_or(0) + cpus.softirq.unwrap_or(0);
        let all = time(cpus.user + cpus.nice + cpus.system + interrupts);
        Ok(Self { all, own, stolen: time(cpus.steal.unwrap_or(0)) })
    }
}

/// What our server is built from.
#[derive(Debug)]
pub(super) struct Origin {
    rustc: String,
    commit: String,
}

impl Origin {
    /// That of this workspace; `unknown` where nobody can tell.
    pub(super) fn here() -> Self {
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

    use super::*;

    #[test]
    fn the_context_says_where_and_when() {
        alone("compare::context::tests::the_context_says_where_and_when", || {
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
        const BURN: &str = "(i=0; while [ $i -lt 1000000 ]; do i=$((i + 1)); done) &";
        alone("compare::context::tests::the_work_of_orphans_is_own_work", || {
            let watch = Watch::start().unwrap();
            assert!(Command::new("sh").args(["-c", BURN]).status().unwrap().success());
            watch.orphanage.reap();
            let own = Taken::now().unwrap().own - watch.before.own;
            assert!(own > Duration::from_millis(20), "{own:?}");
        });
    }
}
