//! Merges the intervals of several generators by the wall clock.

use std::collections::BTreeMap;

use crate::report::merge::times::Windows;
use crate::report::merge::{Part, sums};
use crate::report::run_report::{Counts, Interval, RunReport};

/// Intervals of several generators at about the same time.
type Group<'a> = Vec<(&'a Part, f64, &'a Interval)>;

/// Merges the intervals of all parts on one clock. Generators do not begin at exactly the same moment,
/// so an interval is moved to the nearest multiple of its length, which is at most half an interval
/// away. A shorter interval joins the longer one that contains it. Counts and histograms are added
/// exactly.
pub(super) fn merge(parts: &[&Part], windows: &Windows) -> Result<Vec<Interval>, String> {
    let mut groups: BTreeMap<u64, Group<'_>> = BTreeMap::new();
    let longest_s = longest_s(parts.iter().map(|part| &part.report));
    for (part, offset_s) in parts.iter().zip(windows.offsets_s()) {
        let centre_s = (part.report.load.interval_s - longest_s) / 2.0;
        for interval in &part.report.intervals {
            let start_s = offset_s + interval.start_s;
            groups
                .entry(number(start_s + centre_s, longest_s))
                .or_default()
                .push((part, start_s, interval));
        }
    }
    groups.values().map(combine).collect()
}

/// Returns the greatest length of an interval in any report.
pub(super) fn longest_s<'a>(reports: impl Iterator<Item = &'a RunReport>) -> f64 {
    reports.map(|report| report.load.interval_s).fold(0.0, f64::max)
}

/// Returns the number of the merged interval for an interval that starts at `start_s`. If the length is
/// 0, all of them have the same number.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
#[expect(clippy::cast_sign_loss, reason = "the cast saturates")]
fn number(start_s: f64, length_s: f64) -> u64 {
    (start_s / length_s).round() as u64
}

fn combine(group: &Group<'_>) -> Result<Interval, String> {
    let total = |count: fn(&Interval) -> u64| {
        group.iter().map(|(_, _, interval)| count(interval)).fold(0, u64::saturating_add)
    };
    let times = sums::add(group.iter().map(|(part, _, piece)| (*part, piece.histogram.as_str())))?;
    let counts = Counts {
        messages: total(|interval| interval.messages),
        bytes: total(|interval| interval.bytes),
        errors: total(|interval| interval.errors),
    };
    let start_s = group.iter().map(|(_, start_s, _)| *start_s).fold(f64::INFINITY, f64::min);
    Ok(Interval::new(start_s, duration_s(group), counts, &times))
}

/// Returns the duration of a merged interval: the greatest sum of one part's intervals in the group.
fn duration_s(group: &Group<'_>) -> f64 {
    let mut of_parts: BTreeMap<u32, f64> = BTreeMap::new();
    for (part, _, interval) in group {
        *of_parts.entry(part.report.load.agent_index).or_default() += interval.duration_s;
    }
    of_parts.into_values().fold(0.0, f64::max)
}
