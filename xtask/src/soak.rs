//! All kinds of peers at once against one server, for minutes. Every byte is compared. The server's
//! memory, descriptors and threads are checked every second, and its own counts at the end.

mod actors;
mod arena;
mod crowds;
mod figures;
mod limits;
mod samples;

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use echo_common::descriptors;
use echo_tests::random::{Random, mix};

use crate::check::say;
use crate::load::Target;

use actors::{Actor, actors};
use arena::Arena;
use figures::figures;
use limits::{IDLE_TIMEOUT, MAX_LINE_LENGTH};
use samples::Samples;

/// How often the server's resources are checked.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Soak {
    /// How long the soak runs
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Seed of everything that the peers do by chance [default: the clock]
    #[arg(long)]
    seed: Option<u64>,
    /// How often the current state is printed
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    report_interval: Duration,
}

/// An actor or a check of the samples failed, and its name has been printed.
struct Failed;

impl Soak {
    /// Runs the soak. Prints the state at intervals and the figures at the end. After a failure, prints
    /// at once what failed.
    pub(crate) fn run(self) -> ExitCode {
        let clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let seed = self.seed.unwrap_or_else(clock);
        say(format_args!("soak of {} --seed {seed}", humantime::format_duration(self.duration)));
        match catch_unwind(|| self.soak(seed)) {
            Ok(Ok(())) => return ExitCode::SUCCESS,
            Ok(Err(Failed)) => {}
            Err(_) => {
                say(format_args!(
                    "FAILED   at the start, or when the counts were compared; --seed {seed}"
                ));
            }
        }
        ExitCode::FAILURE
    }

    fn soak(self, seed: u64) -> Result<(), Failed> {
        descriptors::raise_limit();
        let target = Target::start(&[
            "--idle-timeout",
            &humantime::format_duration(IDLE_TIMEOUT).to_string(),
            "--max-line-length",
            &MAX_LINE_LENGTH.to_string(),
        ]);
        let started = Instant::now();
        let arena = Arena::new(&target, started + self.duration);
        let samples = self.perform(&arena, seed)?;
        let (duration, counts) = (started.elapsed(), arena.counts());
        samples.expect_no_trend();
        target.stop().expect_exactly(&counts.load);
        say(figures(duration, seed, &counts, &samples));
        Ok(())
    }

    /// Runs all actors until the time is over and all have finished, or until one fails.
    fn perform(self, arena: &Arena<'_>, seed: u64) -> Result<Samples, Failed> {
        let mut samples = Samples::new(arena.target.idle(), self.report_interval);
        let (failing, failed) = channel();
        let performed = thread::scope(|scope| {
            let over = arena.over.guard();
            for (number, actor) in (0..).zip(actors()) {
                let (random, failing) = (Random::seeded(mix(seed ^ mix(number))), failing.clone());
                let act = move || act(actor, arena, random, &failing);
                thread::Builder::new()
                    .name(actor.name.to_owned())
                    .spawn_scoped(scope, act)
                    .unwrap();
            }
            while arena.has_time_for(SAMPLE_INTERVAL) {
                if let Ok(actor) = failed.recv_timeout(SAMPLE_INTERVAL) {
                    return Err(abandon(actor, arena, seed));
                }
                if catch_unwind(AssertUnwindSafe(|| samples.take(arena))).is_err() {
                    return Err(abandon("samples", arena, seed));
                }
            }
            drop(over);
            Ok(())
        });
        performed?;
        match failed.try_recv() {
            Ok(actor) => Err(abandon(actor, arena, seed)),
            Err(_) => Ok(samples),
        }
    }
}

/// Runs an actor on its thread, and reports a failure.
fn act(actor: Actor, arena: &Arena<'_>, mut random: Random, failing: &Sender<&'static str>) {
    let acted = catch_unwind(AssertUnwindSafe(|| (actor.act)(arena, &mut random)));
    if acted.is_err() {
        // Only the first failure is of interest, so the channel may be closed.
        let _ = failing.send(actor.name);
    }
}

/// Prints the name of the failed actor and ends all others. Their failures that follow are not printed.
fn abandon(actor: &str, arena: &Arena<'_>, seed: u64) -> Failed {
    say(format_args!("FAILED   {actor}; --seed {seed}"));
    panic::set_hook(Box::new(|_| {}));
    arena.target.kill();
    arena.target.complaints().iter().for_each(say);
    Failed
}
