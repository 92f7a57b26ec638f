//! What was counted when somebody last looked and found it right, and how far from that a count may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cargo::workspace;

/// So far may instructions be from what is kept, up or down, in hundredths; the same program counts
/// the same, so this is room for a compiler that arranges the same code otherwise.
const TOLERANCE: u64 = 2;

/// The same when other tools built or ran it.
const TOLERANCE_FOR_OTHER_TOOLS: u64 = 10;

/// A few instructions are not worth a word, whatever their share.
const MIN_TOLERANCE: u64 = 2;

/// Counts by name.
pub(super) type Tally = BTreeMap<String, u64>;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What built and ran the work.
    pub(super) tools: Vec<String>,
    /// Of one operation of each piece of work.
    pub(super) instructions: Tally,
    /// They come one after the other, each with one line.
    pub(super) calls_of_100_connections: Tally,
}

impl Kept {
    fn path() -> PathBuf {
        workspace().join("xtask/counts.json")
    }

    /// What is kept; nothing when there is no such file.
    pub(super) fn read() -> Self {
        fs::read_to_string(Self::path()).map_or_else(
            |_| Self::default(),
            |text| {
                serde_json::from_str(&text)
                    .expect("counts.json is whole; if not, remove it and count anew")
            },
        )
    }

    pub(super) fn write(&self) {
        let text = serde_json::to_string_pretty(self).expect("it can be written");
        fs::write(Self::path(), text + "\n").expect("the file can be written");
    }

    /// A sentence for each count that differs.
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

/// Whether so many instructions are near enough to what is kept.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn compare(now: u64, kept: u64, same_tools: bool) -> Result<(), String> {
    let tolerance = if same_tools { TOLERANCE } else { TOLERANCE_FOR_OTHER_TOOLS };
    if now.abs_diff(kept) <= (kept * tolerance / 100).max(MIN_TOLERANCE) {
        return Ok(());
    }
    let (word, share) = match now > kept {
        true => ("more", (now - kept) as f64 / kept as f64),
        false => ("fewer", (kept - now) as f64 / kept as f64),
    };
    Err(format!(
        "{now} instructions, {:.1} % {word} than the {kept} that are kept, of which {tolerance} % are \
         tolerated; if it is meant to be so: cargo xtask counts --update",
        100.0 * share
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_near_what_is_kept_will_do_both_ways() {
        for (now, kept, same_tools, is_near) in [
            (1_000, 1_000, true, true),
            (1_020, 1_000, true, true),
            (1_021, 1_000, true, false),
            (980, 1_000, true, true),
            (979, 1_000, true, false),
            (1_100, 1_000, false, true),
            (1_101, 1_000, false, false),
            (899, 1_000, false, false),
            (22, 20, true, true),
            (23, 20, true, false),
        ] {
            let is_ok = compare(now, kept, same_tools).is_ok();
            assert_eq!(is_ok, is_near, "{now} {kept} {same_tools}");
        }
    }

    #[test]
    fn the_sentence_says_which_way_and_how_far() {
        let more = compare(1_100, 1_000, true).unwrap_err();
        assert!(more.starts_with("1100 instructions, 10.0 % more than the 1000"), "{more}");
        assert!(compare(900, 1_000, true).unwrap_err().contains("10.0 % fewer"));
    }
}
