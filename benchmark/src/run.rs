//! A run: builds our server, the load tester and the peers, measures every comparison, and publishes the
//! results.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use echo_common::cpus::{self, Cpus};
use echo_common::units;
use echo_loadtest::machine;
use echo_tests::workspace::{say, target_dir, workspace};

use crate::measure::pair::{Effort, check_flags, from_workspace};
use crate::measure::{Ending, Measuring, Origin};
use crate::pages;
use crate::peers::{Peer, Recipe};
use crate::plan::{self, Chosen, Job};
use crate::results::{Entry, Header, ResultsFile};
use crate::setting::Setting;
use crate::workload::Workload;

/// Measures our server and the peers; says first how long it takes
///
/// A complete run replaces the results in benchmark/results and writes the pages again. If it is
/// interrupted, the same command continues it, as long as the commit, the tools and the peers are the
/// same. A run with --only or
/// --peers begins anew each time and writes to target/benchmark.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// How servers and load tester share the machine: one worker on CPU 0 and the load tester on CPU 1,
    /// or two workers on any CPU
    #[arg(long, value_enum, default_value_t = SettingArg::Both)]
    setting: SettingArg,
    /// Only these workloads, such as W2 or W1-busy-poll, separated by commas
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// Only these peers, separated by commas; `itself` is our own server
    #[arg(long, value_name = "NAMES")]
    peers: Option<String>,
    /// Rounds of each comparison; with fewer than 6 no difference can be shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000))]
    rounds: u32,
    /// How long each server is measured in a round
    #[arg(long, default_value = "1s", value_parser = units::positive_duration)]
    duration: Duration,
    /// How long each server is under load before it is measured
    #[arg(long, default_value = "300ms", value_parser = units::duration)]
    warmup: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SettingArg {
    Pinned,
    Unpinned,
    Both,
}

/// What all settings of a run have in common.
struct Common {
    workloads: Vec<&'static Workload>,
    peers: Vec<Peer>,
    entries: Vec<Entry>,
    origin: Origin,
}

impl Run {
    /// Runs the comparisons.
    ///
    /// # Errors
    /// A sentence that says what failed.
    pub fn run(&self) -> Result<(), String> {
        let common = self.prepare()?;
        let mut failed = 0;
        for setting in self.settings() {
            failed += self.measure(*setting, &common)?;
        }
        if failed == 0 { Ok(()) } else { Err(format!("{failed} comparisons")) }
    }

    fn prepare(&self) -> Result<Common, String> {
        let workloads = plan::workloads(self.only.as_deref())?;
        let chosen = plan::chosen(self.peers.as_deref())?;
        refuse_variables()?;
        let origin = Origin::here();
        build_ours()?;
        workloads.iter().try_for_each(|workload| check_flags(workload))?;
        let (peers, entries) = build_peers(&chosen)?;
        if self.settings().contains(&Setting::Pinned)
            && cpus::on_one_core(&Cpus::one(0), &Cpus::one(1)).is_some()
        {
            say("CPUs 0 and 1 are threads of one core, so a pinned server has half a core");
        }
        Ok(Common { workloads, peers, entries, origin })
    }

    /// Measures one setting, publishes the results, and returns how many comparisons failed.
    fn measure(&self, setting: Setting, common: &Common) -> Result<usize, String> {
        let file = self.file(setting, common)?;
        let jobs = plan::jobs(&common.workloads, &common.peers, file.results());
        if !file.results().comparisons.is_empty() {
            let done = file.results().comparisons.len();
            say(format_args!("continues an interrupted run: {done} comparisons are measured"));
        }
        say(format_args!("{}: {}", setting.name(), plan::estimate(&jobs, self.effort())));
        let mut measuring = Measuring { setting, file, effort: self.effort() };
        let failed = measure_all(&mut measuring, &jobs)?;
        self.publish(setting, &measuring.file)?;
        Ok(failed)
    }

    fn file(&self, setting: Setting, common: &Common) -> Result<ResultsFile, String> {
        let header = Header {
            setting,
            commit: common.origin.commit.clone(),
            made_by: self.command(setting),
            started_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            machine: machine::this(),
            rustc: common.origin.rustc.clone(),
            peers: common.entries.clone(),
        };
        match self.is_complete() {
            true => {
                let name = format!("{}.unfinished.jsonl", setting.name());
                ResultsFile::resume(scratch(&name), header)
            }
            false => ResultsFile::create(scratch(&format!("{}.jsonl", setting.name())), header),
        }
    }

    /// Puts the file of a complete run in the place of earlier results and writes the pages. After any
    /// other run, writes a page beside the file.
    fn publish(&self, setting: Setting, file: &ResultsFile) -> Result<(), String> {
        let path = file.path();
        if !self.is_complete() {
            let page = path.with_extension("md");
            pages::write_results(&page, file.results())?;
            say(format_args!("results are in {} and {}", relative(path), relative(&page)));
            return Ok(());
        }
        let published = pages::results_path(workspace(), setting);
        fs::copy(path, &published)
            .and_then(|_| fs::remove_file(path))
            .map_err(|error| format!("write {}: {error}", published.display()))?;
        say(format_args!("results are in {}", relative(&published)));
        pages::report()
    }

    /// Returns whether the run has all workloads and all peers.
    fn is_complete(&self) -> bool {
        self.only.is_none() && self.peers.is_none()
    }

    /// Returns the command that measures one setting of this run.
    fn command(&self, setting: Setting) -> String {
        let time = humantime::format_duration;
        let mut command = format!(
            "cargo benchmark run --setting {} --rounds {} --duration {} --warmup {}",
            setting.name(),
            self.rounds,
            time(self.duration),
            time(self.warmup),
        );
        for (flag, value) in [("--only", &self.only), ("--peers", &self.peers)] {
            if let Some(value) = value {
                command += &format!(" {flag} {}", shell_words::quote(value));
            }
        }
        command
    }

    fn settings(&self) -> &'static [Setting] {
        match self.setting {
            SettingArg::Pinned => &[Setting::Pinned],
            SettingArg::Unpinned => &[Setting::Unpinned],
            SettingArg::Both => &Setting::ALL,
        }
    }

    fn effort(&self) -> Effort {
        Effort { rounds: self.rounds, duration: self.duration, warm_up: self.warmup }
    }
}

/// Measures the comparisons, prints a line for each, and returns how many failed.
fn measure_all(measuring: &mut Measuring, jobs: &[Job<'_>]) -> Result<usize, String> {
    let mut failed = 0;
    for (number, job) in (1..).zip(jobs) {
        let started = Instant::now();
        let words = match measuring.measure(job.workload, job.peer)? {
            Ending::Measured(words) => words,
            Ending::Failed(why) => {
                failed += 1;
                format!("FAILED: {why}")
            }
        };
        let (count, seconds) = (jobs.len(), started.elapsed().as_secs());
        say(format_args!("[{number}/{count}] {}: {words}, {seconds} s", job.name()));
    }
    Ok(failed)
}

fn relative(path: &Path) -> String {
    from_workspace(&path.display().to_string())
}

/// Returns the path of a file below the target directory.
fn scratch(name: &str) -> PathBuf {
    target_dir().join("benchmark").join(name)
}

/// Refuses to run with variables that would change the defaults of the measured programs unnoticed.
fn refuse_variables() -> Result<(), String> {
    let mut names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    match names.find(|name| name.starts_with("ECHO_")) {
        Some(name) => Err(format!("{name} is set, and would change what is measured")),
        None => Ok(()),
    }
}

fn build_ours() -> Result<(), String> {
    say("builds our server and the load tester");
    let build = ["build", "--release", "--quiet", "--bin", "server", "--bin", "loadtest"];
    let built = Command::new("cargo").args(build).current_dir(workspace()).status();
    match built {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo build ended with {status}")),
        Err(error) => Err(format!("start cargo: {error}")),
    }
}

/// Builds the chosen peers. Returns those that can be started, and an entry for each.
fn build_peers(chosen: &[Chosen]) -> Result<(Vec<Peer>, Vec<Entry>), String> {
    let (mut peers, mut entries) = (vec![], vec![]);
    for chosen in chosen {
        let recipe = match chosen {
            Chosen::Itself => {
                peers.push(plan::itself());
                continue;
            }
            Chosen::Peer(recipe) => recipe,
        };
        let built = build_peer(recipe);
        entries.push(Entry::new(recipe.name, &built));
        match built {
            Ok(peer) => peers.push(peer),
            Err(why) => say(format_args!("skipped  {}: {why}", recipe.name)),
        }
    }
    match peers.is_empty() {
        true => Err("none of the peers can be built here".to_owned()),
        false => Ok((peers, entries)),
    }
}

/// Builds a peer, or returns a sentence that says why it cannot be built.
fn build_peer(recipe: &Recipe) -> Result<Peer, String> {
    say(format_args!("builds {}", recipe.name));
    // Another compiler may reject the sources of a peer. The run goes on with the other peers.
    let built = catch_unwind(AssertUnwindSafe(|| recipe.build()));
    let peer = built
        .unwrap_or_else(|_| Err("its sources cannot be built here".to_owned()))
        .map_err(|why| from_workspace(&why))?;
    Ok(Peer { command: from_workspace(&peer.command), ..peer })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(only: Option<&str>) -> Run {
        Run {
            setting: SettingArg::Both,
            only: only.map(str::to_owned),
            peers: None,
            rounds: 6,
            duration: Duration::from_millis(500),
            warmup: Duration::from_millis(300),
        }
    }

    #[test]
    fn the_command_of_a_setting_repeats_it() {
        let flags = "--setting pinned --rounds 6 --duration 500ms --warmup 300ms";
        assert_eq!(run(None).command(Setting::Pinned), format!("cargo benchmark run {flags}"));
        assert!(run(Some("W2, W4")).command(Setting::Pinned).ends_with("300ms --only 'W2, W4'"));
    }

    #[test]
    fn a_run_of_some_workloads_is_not_complete() {
        assert!(run(None).is_complete());
        assert!(!run(Some("W2")).is_complete());
    }
}
