//! The baseline: the expected counts, which a developer has approved, and how far a count may be from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cargo::workspace;

/// Maximum difference from the expected instructions, up or down, in percent. The same program always
/// has the same count. The tolerance allows for a compiler that arranges the same code differently.
const TOLERANCE: u64 = 2;

/// Maximum difference in percent if other tools built or ran the program.
const TOLERANCE_FOR_OTHER_TOOLS: u64 = 10;

/// Number of instructions that are always tolerated, because they do not matter.
const MIN_TOLERANCE: u64 = 2;

/// Counts by name.
pub(super) type Tally = BTreeMap<String, u64>;

/// Whether the tools are those of the expected counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tools {
    Same,
    Other,
}

impl Tools {
    pub(super) fn compare(expected: &[String], here: &[String]) -> Self {
        if expected == here { Self::Same } else { Self::Other }
    }
}

/// The baseline: the expected counts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// The tools that built and ran the work.
    pub(super) tools: Vec<String>,
    /// Instructions of one operation of each piece of work.
    pub(super) instructions: Tally,
    /// System calls for 100 connections that come one after the other, each with one line.
    pub(super) calls_of_100_connections: Tally,
}

impl Baseline {
    fn path() -> PathBuf {
        workspace().join("xtask/counts.json")
    }

    /// Reads the expected counts. Returns none if the file does not exist.
    pub(super) fn read() -> Self {
        fs::read_to_string(Self::path()).map_or_else(
            |_| Self::default(),
            |text| {
                serde_json::from_str(&text)
                    .expect("counts.json is valid; if not, remove it and count anew")
            },
        )
    }

    pub(super) fn write(&self) {
        let text = serde_json::to_string_pretty(self).expect("counts can be written as JSON");
        fs::write(Self::path(), text + "\n").expect("counts.json can be written");
    }

    /// Returns a sentence for each count that differs.
    pub(super) fn differences(&self, old: &Self) -> Vec<String> {
        [
            differences(&self.instructions, &old.instructions),
            differences(&self.calls_of_100_connections, &old.calls_of_100_connections),
        ]
        .concat()
    }
}

fn differences(new: &Tally, old: &Tally) -> Vec<String> {
    let names: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
    let shown = |count: Option<&u64>| count.map_or("none".to_owned(), u64::to_string);
    names
        .into_iter()
        .map(|name| (name, old.get(name), new.get(name)))
        .filter(|(_, before, now)| before != now)
        .map(|(name, before, now)| format!("{name}: {} → {}", shown(before), shown(now)))
        .collect()
}

/// Compares a number of instructions with the expected number.
///
/// # Errors
/// A sentence that gives the difference, if it is above the tolerance.
pub(super) fn compare(now: u64, expected: u64, tools: Tools) -> Result<(), String> {
    let tolerance = match tools {
        Tools::Same => TOLERANCE,
        Tools::Other => TOLERANCE_FOR_OTHER_TOOLS,
    };
    if now.abs_diff(expected) <= (expected * tolerance / 100).max(MIN_TOLERANCE) {
        return Ok(());
    }
    let (word, share) = match now > expected {
        true => ("more", (now - expected) as f64 / expected as f64),
        false => ("fewer", (expected - now) as f64 / expected as f64),
    };
    Err(format!(
        "{now} instructions, {:.1} % {word} than the expected {expected}; {tolerance} % are tolerated. \
         If this is intended: cargo xtask counts --update",
        100.0 * share
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_near_the_expected_ones_pass_in_both_directions() {
        for (now, expected, tools, is_near) in [
            (1_000, 1_000, Tools::Same, true),
            (1_020, 1_000, Tools::Same, true),
            (1_021, 1_000, Tools::Same, false),
            (980, 1_000, Tools::Same, true),
            (979, 1_000, Tools::Same, false),
            (1_100, 1_000, Tools::Other, true),
            (1_101, 1_000, Tools::Other, false),
            (899, 1_000, Tools::Other, false),
            (22, 20, Tools::Same, true),
            (23, 20, Tools::Same, false),
        ] {
            let is_ok = compare(now, expected, tools).is_ok();
            assert_eq!(is_ok, is_near, "{now} {expected} {tools:?}");
        }
    }

    #[test]
    fn the_sentence_says_which_way_and_how_far() {
        let more = compare(1_100, 1_000, Tools::Same).unwrap_err();
        assert!(
            more.starts_with("1100 instructions, 10.0 % more than the expected 1000"),
            "{more}"
        );
        assert!(compare(900, 1_000, Tools::Same).unwrap_err().contains("10.0 % fewer"));
    }
}
