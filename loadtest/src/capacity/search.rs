//! Chooses the next rate to try, from the results so far. Pure.
//!
//! The search has three phases:
//!
//! 1. It multiplies or divides the rate by a factor, up until a rate breaks or down until a rate holds.
//! 2. It tries rates between the highest that holds and the lowest that breaks, until the two are close.
//! 3. It repeats both of them until each has been measured often enough.
//!
//! If a repetition changes the result of a rate, the search continues from there. So a lucky or unlucky
//! round is corrected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;

/// Minimum share of a rate's rounds that must meet the objectives for the rate to hold: 4 of 5. With
/// half of them, the capacity would be missed every other time. With all of them, a single disturbance
/// of the machine would decide.
const HOLDS: (u32, u32) = (4, 5);

/// The result of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The objectives were met.
    Held,
    /// An objective was not met.
    Broke,
    /// The generator cannot send at this rate.
    Limited,
}

/// Why a search ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ending {
    /// The bracket is as narrow as requested, and both its ends are confirmed.
    Found,
    /// The generator cannot send faster.
    GeneratorLimited,
    /// The highest rate that may be tried holds.
    HighestRateHeld,
    /// The lowest rate that may be tried does not hold.
    NoRateHeld,
    /// The search has used all rounds that it may.
    RoundsUsedUp,
    /// A signal stopped the search.
    Interrupted,
    /// A round could not be measured.
    Failed {
        /// The reason.
        error: String,
    },
}

/// The next step of a search.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Measure(f64),
    Done(Ending),
}

/// A rate that was tried, and how often it met the objectives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rung {
    pub(super) rate: f64,
    pub(super) held: u32,
    pub(super) broke: u32,
    /// Whether the generator could not send at this rate.
    pub(super) limited: bool,
}

impl Rung {
    fn rounds(&self) -> u32 {
        self.held + self.broke
    }

    fn holds(&self) -> bool {
        !self.limited && self.held * HOLDS.1 >= self.rounds() * HOLDS.0
    }

    /// Returns whether more rounds are of no use: there were enough, or the missing ones cannot make the
    /// rate hold any more.
    fn is_settled(&self, confirmations: u32) -> bool {
        let missing = confirmations.saturating_sub(self.rounds());
        let at_best = Self { held: self.held + missing, ..*self };
        missing == 0 || !at_best.holds()
    }

    fn is_contradictory(&self) -> bool {
        self.held > 0 && self.broke > 0
    }
}

/// The state of a search: all rates that were tried, from the lowest.
#[derive(Debug)]
pub(super) struct Search {
    settings: Settings,
    rungs: Vec<Rung>,
}

impl Search {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, rungs: vec![] }
    }

    /// Returns the bracket: the highest rate that holds, and the lowest rate above it that does not.
    pub(super) fn bracket(&self) -> (Option<&Rung>, Option<&Rung>) {
        let end = self.rungs.iter().position(|rung| !rung.holds());
        let held = end.unwrap_or(self.rungs.len()).checked_sub(1);
        (held.and_then(|last| self.rungs.get(last)), end.and_then(|end| self.rungs.get(end)))
    }

    pub(super) fn record(&mut self, rate: f64, judgement: Judgement) {
        let place = self.rungs.partition_point(|rung| rung.rate < rate);
        if self.rungs.get(place).is_none_or(|rung| rung.rate > rate) {
            self.rungs.insert(place, Rung { rate, held: 0, broke: 0, limited: false });
        }
        if let Some(rung) = self.rungs.get_mut(place) {
            match judgement {
                Judgement::Held => rung.held += 1,
                Judgement::Broke => rung.broke += 1,
                Judgement::Limited => rung.limited = true,
            }
        }
    }

    pub(super) fn next(&self) -> Step {
        if let Some(rung) = self.unsettled(|rung| rung.is_contradictory()) {
            return Step::Measure(rung.rate);
        }
        let Settings { start_rate, min_rate, max_rate, factor, precision, .. } = self.settings;
        match self.bracket() {
            (None, None) => Step::Measure(start_rate),
            (Some(held), None) if held.rate < max_rate => {
                Step::Measure((held.rate * factor).min(max_rate))
            }
            (None, Some(broke)) if broke.rate > min_rate => {
                Step::Measure((broke.rate / factor).max(min_rate))
            }
            (Some(held), Some(broke)) if broke.rate / held.rate > 1.0 + precision => {
                Step::Measure(between(held.rate, broke.rate))
            }
            (held, broke) => self.confirm(held, broke),
        }
    }

    /// Returns the step that measures the rate at the knee with fewer rounds, until both are settled.
    fn confirm(&self, held: Option<&Rung>, broke: Option<&Rung>) -> Step {
        let is_end = |rung: &Rung| Some(rung) == held || Some(rung) == broke;
        match (self.unsettled(is_end), held, broke) {
            (Some(rung), _, _) => Step::Measure(rung.rate),
            (None, Some(_), Some(broke)) if broke.limited => Step::Done(Ending::GeneratorLimited),
            (None, Some(_), Some(_)) => Step::Done(Ending::Found),
            (None, Some(_), None) => Step::Done(Ending::HighestRateHeld),
            (None, None, Some(broke)) if broke.limited => Step::Done(Ending::GeneratorLimited),
            (None, None, _) => Step::Done(Ending::NoRateHeld),
        }
    }

    fn unsettled(&self, which: impl Fn(&Rung) -> bool) -> Option<&Rung> {
        let open = |rung: &&Rung| {
            which(rung) && !rung.limited && !rung.is_settled(self.settings.confirmations)
        };
        self.rungs.iter().filter(open).min_by_key(|rung| rung.rounds())
    }
}

/// Returns the geometric middle, rounded to three digits if the result is still between the two.
fn between(low: f64, high: f64) -> f64 {
    let middle = (low * high).sqrt();
    let unit = 10_f64.powf(middle.log10().floor() - 2.0);
    let round = (middle / unit).round() * unit;
    if low < round && round < high { round } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_has_three_digits_where_there_is_room() {
        for (low, high, wanted) in
            [(1_000.0, 2_000.0, 1_410.0), (0.01, 0.02, 0.0141), (1_000.0, 1_001.0, 1_000.5)]
        {
            let middle = between(low, high);
            assert!((middle / wanted - 1.0).abs() < 1e-6, "{middle} instead of {wanted}");
        }
    }

    #[test]
    fn four_of_five_hold_and_what_cannot_get_there_is_settled() {
        let rung = |held, broke| Rung { rate: 1.0, held, broke, limited: false };
        for (held, broke, holds, settled) in [
            (1, 0, true, false),
            (0, 1, false, false),
            (1, 1, false, false),
            (4, 1, true, true),
            (0, 2, false, true),
            (3, 2, false, true),
            (5, 0, true, true),
        ] {
            let rung = rung(held, broke);
            assert_eq!((rung.holds(), rung.is_settled(5)), (holds, settled), "{rung:?}");
        }
    }

    #[test]
    fn the_rates_go_up_then_between_then_the_knee_is_repeated() {
        let settings = Settings { precision: 0.2, confirmations: 2, ..Settings::default() };
        let mut search = Search::new(settings);
        let mut rates = vec![];
        while let Step::Measure(rate) = search.next() {
            search.record(rate, if rate < 3_000.0 { Judgement::Held } else { Judgement::Broke });
            rates.push(rate);
        }
        assert_eq!(rates, [1_000.0, 2_000.0, 4_000.0, 2_830.0, 3_360.0, 2_830.0]);
        assert_eq!(search.next(), Step::Done(Ending::Found));
    }
}
