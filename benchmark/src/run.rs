//! Our server against its peers: builds them, measures each pair through `loadtest compare`, keeps
//! what was measured, and makes PERFORMANCE.md of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use echo_common::cpus::{self, Cpus};
use echo_common::units;

use echo_tests::workspace::{say, workspace};

use crate::measure::measuring::{Ending, Measuring};
use crate::measure::pair::{self, Effort};
use crate::pages::page;
use crate::peers::{Peer, Recipe};
use crate::plan::{self, Chosen, Plan};
use crate::results::raw::{Entry, Folder};
use crate::workload::Setting;

/// What is measured, and how thoroughly. Results take the place of earlier ones in performance/raw,
/// and PERFORMANCE.md is made anew.
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// Workloads, such as W2 or W1-busy-poll, with commas between them [default: all]
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// Peers by their names, with commas between them; `itself` is our own server [default: all]
    #[arg(long, value_name = "NAMES")]
    peers: Option<String>,
    /// Rounds of each pair; fewer than 6 prove nothing
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000))]
    rounds: u32,
    /// How long each server is measured in a round
    #[arg(long, default_value = "1s", value_parser = units::positive_duration)]
    duration: Duration,
    /// Under load before that
    #[arg(long, default_value = "300ms", value_parser = units::duration)]
    warmup: Duration,
    /// One worker on CPU 0 and the load tester on CPU 1, or two workers anywhere
    #[arg(long, value_enum, default_value_t = SettingArg::Both)]
    setting: SettingArg,
    /// Measure nothing: make the page of the results that are kept
    #[arg(long)]
    report_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SettingArg {
    Pinned,
    Unpinned,
    Both,
}

impl Compare {
    /// Runs the comparison.
    pub fn run(self) -> ExitCode {
        match self.compare() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                say(format_args!("FAILED   {why}"));
                ExitCode::FAILURE
            }
        }
    }

    fn compare(&self) -> Result<(), String> {
        let folder = page::results(workspace());
        let measured = if self.report_only { Ok(()) } else { self.measure(&folder) };
        page::write(workspace())?;
        measured?;
        say("PERFORMANCE.md is written");
        Ok(())
    }

    fn measure(&self, folder: &Folder) -> Result<(), String> {
        let workloads = plan::workloads(self.only.as_deref())?;
        let recipes = plan::recipes(self.peers.as_deref())?;
        refuse_settings()?;
        build_ours()?;
        workloads.iter().try_for_each(|workload| pair::check(workload))?;
        let peers = build(&recipes, folder)?;
        if self.settings().contains(&Setting::Pinned)
            && cpus::on_one_core(&Cpus::one(0), &Cpus::one(1)).is_some()
        {
            say("CPUs 0 and 1 are threads of one core: pinned, what is measured is half a core");
        }
        let plan = Plan::new(self.settings(), &workloads, &peers);
        let effort = self.effort();
        say(plan.estimate(effort));
        let (count, mut failed) = (plan.jobs.len(), 0);
        let measuring = Measuring::new(folder, effort);
        for (number, job) in (1..).zip(&plan.jobs) {
            let started = Instant::now();
            let words = match measuring.measure(job)? {
                Ending::Kept(words) => words,
                Ending::Failed(why) => {
                    failed += 1;
                    format!("FAILED: {why}")
                }
            };
            let seconds = started.elapsed().as_secs();
            say(format_args!("[{number}/{count}] {}: {words}, {seconds} s", job.name()));
        }
        if failed == 0 { Ok(()) } else { Err(format!("{failed} of {count} comparisons")) }
    }

    fn settings(&self) -> &'static [Setting] {
        match self.setting {
            SettingArg::Pinned => &Setting::ALL[..1],
            SettingArg::Unpinned => &Setting::ALL[1..],
            SettingArg::Both => &Setting::ALL,
        }
    }

    fn effort(&self) -> Effort {
        Effort { rounds: self.rounds, duration: self.duration, warm_up: self.warmup }
    }
}

/// What the environment tells the programs would be measured, and nobody would know.
fn refuse_settings() -> Result<(), String> {
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

/// Builds the peers that can be had, says which cannot, and keeps both.
fn build(wanted: &[Chosen], folder: &Folder) -> Result<Vec<Peer>, String> {
    let (mut peers, mut entries) = (vec![], vec![]);
    for chosen in wanted {
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
    folder.renew_peers(&entries)?;
    Ok(peers)
}

/// Or else why it cannot be had, in a sentence.
fn build_peer(recipe: &Recipe) -> Result<Peer, String> {
    say(format_args!("builds {}", recipe.name));
    // With another compiler its sources may be at fault: no reason to do without the others.
    let built = catch_unwind(AssertUnwindSafe(|| recipe.build()));
    let peer = built
        .unwrap_or_else(|_| Err("its sources cannot be built here".to_owned()))
        .map_err(|why| pair::from_workspace(&why))?;
    Ok(Peer { command: pair::from_workspace(&peer.command), ..peer })
}
