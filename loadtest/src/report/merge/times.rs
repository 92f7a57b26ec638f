//! The times at which the generators measured, on the wall clock.

use std::time::{Duration, SystemTime};

use crate::formatting;
use crate::report::merge::Part;

/// The times of all measurements. All of them overlap.
#[derive(Debug)]
pub(super) struct Windows {
    windows: Vec<Window>,
    start: SystemTime,
    end: SystemTime,
    shared: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start: SystemTime,
    end: SystemTime,
}

impl Window {
    fn of(part: &Part) -> Result<Self, String> {
        let start = parse(part, "started_at", &part.report.started_at)?;
        let end = parse(part, "ended_at", &part.report.ended_at)?;
        if end < start {
            return Err(format!("{}: it ended before it began", part.name));
        }
        Ok(Self { start, end })
    }

    fn len(&self) -> Duration {
        between(self.start, self.end)
    }
}

impl Windows {
    /// Reads the times of the parts, of which there must be at least one.
    pub(super) fn new(parts: &[&Part]) -> Result<Self, String> {
        let windows: Vec<_> =
            parts.iter().map(|part| Window::of(part)).collect::<Result<_, _>>()?;
        let named = || windows.iter().zip(parts);
        let last_start = named().max_by_key(|(window, _)| window.start);
        let first_end = named().min_by_key(|(window, _)| window.end);
        let (Some((late, late_part)), Some((early, early_part))) = (last_start, first_end) else {
            return Err("there is nothing to merge".to_owned());
        };
        if early.end <= late.start {
            let apart = formatting::time(between(early.end, late.start).as_secs_f64() * 1e9);
            return Err(format!(
                "{} had ended {apart} before {} began: they did not measure at the same time",
                early_part.name, late_part.name
            ));
        }
        let start = windows.iter().map(|window| window.start).min().unwrap_or(late.start);
        let end = windows.iter().map(|window| window.end).max().unwrap_or(early.end);
        let shared = between(late.start, early.end);
        Ok(Self { start, end, shared, windows })
    }

    pub(super) fn started_at(&self) -> String {
        humantime::format_rfc3339_nanos(self.start).to_string()
    }

    pub(super) fn ended_at(&self) -> String {
        humantime::format_rfc3339_nanos(self.end).to_string()
    }

    /// Returns the time from the first start to the last end.
    pub(super) fn total_s(&self) -> f64 {
        between(self.start, self.end).as_secs_f64()
    }

    /// Returns how long all generators measured at the same time.
    pub(super) fn shared_s(&self) -> f64 {
        self.shared.as_secs_f64()
    }

    /// Returns the length of the longest measurement.
    pub(super) fn longest_s(&self) -> f64 {
        self.windows.iter().map(Window::len).max().unwrap_or_default().as_secs_f64()
    }

    /// Returns how long after the first one each measurement began, in the order of the parts.
    pub(super) fn offsets_s(&self) -> impl Iterator<Item = f64> {
        self.windows.iter().map(|window| between(self.start, window.start).as_secs_f64())
    }
}

fn parse(part: &Part, field: &str, text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text)
        .map_err(|_| format!("{}: {field} is {text:?}, which is not a time", part.name))
}

fn between(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}
