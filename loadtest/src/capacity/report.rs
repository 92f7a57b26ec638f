//! The report of a search for the capacity, which `--json` writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::search::{Ending, Rung};
use crate::formatting;
use crate::report::run_report::{Load, Machine, Objective, Verdict};
use crate::statistics::wilson;

/// The value of [`CapacityReport::format`]. It changes if readers must change.
pub const FORMAT: &str = "echo-loadtest/capacity/1";

/// The highest rate that meets the objectives, and how it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityReport {
    /// The format of this document, always `echo-loadtest/capacity/1`.
    pub format: String,
    /// The program that wrote this document, with its version.
    pub program: String,
    /// The whole command line.
    pub command: Vec<String>,
    /// The machine that the load tester ran on.
    pub machine: Machine,
    /// The server's address.
    pub target: String,
    /// The requested load of the first round. The other rounds differ in the rate.
    pub load: Load,
    /// When the first round began, in UTC, RFC 3339 with nanoseconds.
    pub started_at: String,
    /// The objectives as the user gave them.
    pub objectives: Vec<String>,
    /// All rounds, in order.
    pub rounds: Vec<Round>,
    /// The rate of `held`.
    pub capacity: Option<f64>,
    /// The highest rate that holds.
    pub held: Option<Knee>,
    /// The lowest rate that does not hold.
    pub broke: Option<Knee>,
    /// Why the search ended.
    pub ending: Ending,
    /// The result in words.
    pub conclusion: String,
    /// Whether a signal stopped the search early.
    pub interrupted: bool,
}

/// A run at one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// The number of the round, from 1.
    pub number: u32,
    /// Requested messages per second.
    pub rate_asked: f64,
    /// Messages per second that came back.
    pub rate_achieved: f64,
    /// Half of the messages did not take longer than this.
    pub p50_ns: u64,
    /// 99 of 100 messages did not take longer than this.
    pub p99_ns: u64,
    /// 999 of 1,000 messages did not take longer than this.
    pub p99_9_ns: u64,
    /// Number of errors. Each error ended a connection.
    pub errors: u64,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
    /// The result of each objective.
    pub objectives: Vec<Objective>,
    /// Whether all objectives were met.
    pub met: bool,
    /// Whether the round counts, because it is VALID.
    pub used: bool,
}

/// A rate at one end of the bracket, and how certain its result is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Knee {
    /// Messages per second.
    pub rate: f64,
    /// Number of rounds at this rate.
    pub rounds: u32,
    /// Number of rounds that met the objectives.
    pub held: u32,
    /// Lower bound of the probability that a round at this rate meets the objectives. The two bounds
    /// contain it in 95 of 100 cases.
    pub chance_low: f64,
    /// Upper bound of that probability.
    pub chance_high: f64,
    /// Whether the generator could not send at this rate.
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

/// Returns the result in one or two sentences.
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
        Ending::GeneratorLimited => format!("the load tester cannot reach {limit}"),
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
        return format!("at {} no round counts", formatting::per_second(knee.rate));
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
