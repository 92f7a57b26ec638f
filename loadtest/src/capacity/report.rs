//! What a search for the capacity found: the document that `--json` writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::search::{Ending, Rung};
use crate::formatting;
use crate::report::run_report::{Load, Machine, Objective, Verdict};
use crate::statistics::wilson;

/// The value of [`CapacityReport::format`]. It changes when a reader has to.
pub const FORMAT: &str = "echo-loadtest/capacity/1";

/// The highest rate that meets the objectives, and how it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityReport {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote this, with its version.
    pub program: String,
    /// Its whole command line.
    pub command: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// The server's address.
    pub target: String,
    /// What the first round was asked; the others differ in the rate.
    pub load: Load,
    /// When the first round began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// What is to be met, as it was given.
    pub objectives: Vec<String>,
    /// All rounds, in order.
    pub rounds: Vec<Round>,
    /// The rate of `held`.
    pub capacity: Option<f64>,
    /// The highest rate that holds.
    pub held: Option<Knee>,
    /// The lowest that does not.
    pub broke: Option<Knee>,
    /// Why the search ended.
    pub ending: Ending,
    /// What was found, in words.
    pub conclusion: String,
    /// Whether it was stopped by a signal before its time.
    pub interrupted: bool,
}

/// A run at a rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// From 1.
    pub number: u32,
    /// Messages a second that were to be sent.
    pub rate_asked: f64,
    /// Messages a second that came back.
    pub rate_achieved: f64,
    /// Half of the messages did not take longer.
    pub p50_ns: u64,
    /// 99 of 100 did not take longer.
    pub p99_ns: u64,
    /// 999 of 1,000 did not take longer.
    pub p99_9_ns: u64,
    /// What went wrong, a connection's end each.
    pub errors: u64,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// What came of each objective.
    pub objectives: Vec<Objective>,
    /// Whether all were met.
    pub met: bool,
    /// Whether it counts: it is VALID.
    pub used: bool,
}

/// A rate at an end of the bracket, and how sure what it counts as is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Knee {
    /// Messages a second.
    pub rate: f64,
    /// How often it was measured.
    pub rounds: u32,
    /// How often the objectives were met.
    pub held: u32,
    /// In 95 of 100 cases the chance that a round at this rate meets them is not below.
    pub chance_low: f64,
    /// Nor above.
    pub chance_high: f64,
    /// Whether the generator could not ask for so much.
    pub generator_limited: bool,
}

impl Knee {
    pub(super) fn new(rung: &Rung) -> Self {
        let rounds = rung.held + rung.broke;
        let (chance_low, chance_high) = wilson(rung.held, rounds);
        Self {
            rate: rung.rate,
            rounds,
            held: rung.held,
            chance_low,
            chance_high,
            generator_limited: rung.limited,
        }
    }
}

/// What was found, in one or two sentences.
pub(super) fn conclusion(
    held: Option<&Knee>,
    broke: Option<&Knee>,
    ending: &Ending,
    settings: &Settings,
) -> String {
    let found = match (held, broke) {
        (Some(held), Some(broke)) if !broke.generator_limited => format!(
            "capacity {}: {}; {}",
            formatting::per_second(held.rate),
            in_words(held),
            in_words(broke)
        ),
        (Some(held), _) => {
            format!("capacity at least {}: {}", formatting::per_second(held.rate), in_words(held))
        }
        (None, Some(broke)) if !broke.generator_limited => {
            format!("no rate is known to hold: {}", in_words(broke))
        }
        (None, _) => "no rate is known to hold".to_owned(),
    };
    let limit = broke.map(|broke| formatting::per_second(broke.rate)).unwrap_or_default();
    let why = match ending {
        Ending::Found => return found,
        Ending::GeneratorLimited => format!("the generator cannot ask for {limit}"),
        Ending::HighestRateHeld => "no higher rate may be tried".to_owned(),
        Ending::NoRateHeld => "no lower rate may be tried".to_owned(),
        Ending::RoundsUsedUp => {
            format!("not confirmed: the {} rounds are used up", settings.max_rounds)
        }
        Ending::Interrupted => "not confirmed: stopped by a signal".to_owned(),
        Ending::Failed { error } => format!("not confirmed: {error}"),
    };
    format!("{found}; {why}")
}

fn in_words(knee: &Knee) -> String {
    if knee.rounds == 0 {
        return format!("{} brought back too little to count", formatting::per_second(knee.rate));
    }
    format!(
        "{} held in {} of {} rounds ({:.0} to {:.0} % of all, at 95 % confidence)",
        formatting::per_second(knee.rate),
        knee.held,
        knee.rounds,
        knee.chance_low * 100.0,
        knee.chance_high * 100.0
    )
}
