//! Our server against its peers: builds them, measures each pair through `loadtest compare`, keeps
//! what was measured, and makes PERFORMANCE.md of it.

mod bar;
mod context;
mod finding;
mod idle;
mod kept;
mod metric;
mod page;
mod pair;
mod plan;
mod plot;
mod raw;
#[cfg(test)]
mod sample;
mod table;
mod workload;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use echo_common::units;

use crate::cargo::workspace;
use crate::check::say;
use crate::contenders::Contender;
use context::{Origin, Watch};
use finding::{Finding, ITSELF};
use pair::{Effort, Interrupted, Pair};
use plan::{Job, Plan};
use raw::{Entry, Folder, Outcome, Raw, State};
use workload::{Means, Setting, YARDSTICK};

/// What is measured, and how thoroughly. Results take the place of earlier ones in performance/raw,
/// and PERFORMANCE.md is made anew.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
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
    pub(crate) fn run(self) -> ExitCode {
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
        let contenders = build(&recipes, folder)?;
        let plan = Plan::new(self.settings(), &workloads, &contenders);
        let effort = self.effort();
        say(plan.estimate(effort));
        let (count, origin) = (plan.jobs.len(), Origin::here());
        for (number, job) in (1..).zip(&plan.jobs) {
            let started = Instant::now();
            let outcome = measure(job, effort, folder, &origin)?;
            let seconds = started.elapsed().as_secs();
            say(format_args!("[{number}/{count}] {}: {outcome}, {seconds} s", job.name()));
        }
        Ok(())
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
fn build(recipes: &[plan::Chosen], folder: &Folder) -> Result<Vec<Contender>, String> {
    let (mut contenders, mut entries) = (vec![], vec![]);
    for chosen in recipes {
        let recipe = match chosen {
            plan::Chosen::Itself => {
                contenders.push(plan::itself());
                continue;
            }
            plan::Chosen::Peer(recipe) => recipe,
        };
        say(format_args!("builds {}", recipe.name));
        let state = match recipe.build() {
            Ok(contender) => {
                let command = pair::from_workspace(&contender.command);
                let contender = Contender { command: command.clone(), ..contender };
                let version = contender.version.clone();
                contenders.push(contender);
                State::Built { version, command }
            }
            Err(why) => {
                say(format_args!("skipped  {}: {why}", recipe.name));
                State::Skipped(pair::from_workspace(&why))
            }
        };
        entries.push(Entry { name: recipe.name.to_owned(), state });
    }
    folder.renew_contenders(&entries)?;
    Ok(contenders)
}

/// Measures a pair and keeps what came of it; a few words about it.
fn measure(
    job: &Job<'_>,
    effort: Effort,
    folder: &Folder,
    origin: &Origin,
) -> Result<String, String> {
    let watch = Watch::start()?;
    let Job { setting, workload, peer } = *job;
    let command = match peer.name == ITSELF {
        true => pair::our_command(workload.ours),
        false => peer.command.clone(),
    };
    let pair = Pair::new(setting, workload, &command);
    let loaded = match workload.means {
        Means::Idle => Ok(match idle::measure(&pair, effort.rounds) {
            Ok(idle) => Outcome::Idle(idle),
            Err(failure) => Outcome::Failed(failure),
        }),
        Means::Load => pair.load(effort, &[]),
        Means::HalfTheRateOf(other) => match half_the_rate(folder, setting, other)? {
            Some(rate) => pair.load(effort, &["--rate".to_owned(), rate.to_string()]),
            None => return Ok(format!("skipped, {other} is not measured against {YARDSTICK}")),
        },
    };
    let outcome = loaded.map_err(|Interrupted| "stopped by a signal".to_owned())?;
    let raw = Raw {
        setting,
        workload: workload.name(),
        peer: peer.name.to_string(),
        version: peer.version.to_string(),
        context: watch.stop(origin)?,
        outcome,
    };
    folder.keep(&raw)?;
    Ok(in_short(&raw, workload.metrics[0]))
}

/// In whole thousands a second, from what is kept.
fn half_the_rate(folder: &Folder, setting: Setting, other: &str) -> Result<Option<u64>, String> {
    let Some(raw) = folder.find(setting, other, YARDSTICK)? else { return Ok(None) };
    let reached = Finding::new(&raw.outcome, "throughput").theirs;
    // A rate of messages is far below 2^53, and positive.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(reached.map(|rate| (rate / 2_000.0).round().max(1.0) as u64 * 1_000))
}

fn in_short(raw: &Raw, metric: &str) -> String {
    let finding = Finding::new(&raw.outcome, metric);
    let disturbed = if raw.context.is_disturbed() { ", disturbed" } else { "" };
    let title = metric::title(metric);
    if let Outcome::Failed(failure) = &raw.outcome {
        return format!("failed: {}", failure.why);
    }
    let said = match (finding.estimate, finding.unfit) {
        (_, Some(unfit)) => format!("{title}: {}", unfit.words()),
        (Some(estimate), None) => match estimate.interval {
            Some((low, high)) => format!("{title} {:.3} [{low:.3} .. {high:.3}]", estimate.ratio),
            None => format!("{title} {:.3}", estimate.ratio),
        },
        (None, None) => title.to_owned(),
    };
    said + disturbed
}
