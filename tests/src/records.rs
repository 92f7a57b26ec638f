//! Parses the log like other programs do: one record per line, `TIME [LEVEL] words key=value …`.

use std::str::FromStr;

use crate::process::excerpt;

/// The parts of a line of the log.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The time in UTC, in the format of RFC 3339.
    pub time: &'a str,
    /// The level, such as `INFO`.
    pub level: &'a str,
    /// The message: words, then `key=value` pairs.
    pub text: &'a str,
}

impl<'a> Record<'a> {
    /// Parses a line without its newline.
    ///
    /// # Panics
    /// When the line is no record.
    #[track_caller]
    #[must_use]
    pub fn parse(line: &'a str) -> Self {
        let parts = || {
            let (time, rest) = line.split_once(" [")?;
            let (level, text) = rest.split_once("] ")?;
            is_utc_time(time).then_some(Self { time, level: level.trim_end(), text })
        };
        parts().unwrap_or_else(|| panic!("no record: {line:?}"))
    }

    /// Returns the value of `key=`, up to the next space.
    ///
    /// # Panics
    /// When the key is missing.
    #[track_caller]
    #[must_use]
    pub fn field(&self, key: &str) -> &'a str {
        field(self.text, key)
    }

    /// Returns the value of `key=` as a number.
    ///
    /// # Panics
    /// When the key is missing, or its value is no number.
    #[track_caller]
    #[must_use]
    pub fn number<T: FromStr>(&self, key: &str) -> T {
        number(self.text, key)
    }

    /// Returns the value of `key=`, a duration such as `1.234s`, in seconds.
    ///
    /// # Panics
    /// When the key is missing, or its value is no duration.
    #[track_caller]
    #[must_use]
    pub fn seconds(&self, key: &str) -> f64 {
        let value = self.field(key);
        value.strip_suffix('s').and_then(|number| number.parse().ok()).expect("seconds")
    }
}

/// Returns all records whose text begins with `beginning`, and checks that each line of the log is a
/// record.
///
/// # Panics
/// When a line is no record.
#[track_caller]
pub fn records<'a>(log: &'a str, beginning: &str) -> Vec<Record<'a>> {
    let all = log.lines().map(Record::parse);
    all.filter(|record| record.text.starts_with(beginning)).collect()
}

/// Returns the one record whose text begins with `beginning`.
///
/// # Panics
/// When there is no such record, or more than one.
#[track_caller]
pub fn record<'a>(log: &'a str, beginning: &str) -> Record<'a> {
    match records(log, beginning)[..] {
        [record] => record,
        ref found => panic!("{} records {beginning:?} in:\n{}", found.len(), excerpt(log)),
    }
}

/// Returns the value of `key=` in a text, up to the next space.
#[track_caller]
fn field<'a>(text: &'a str, key: &str) -> &'a str {
    let value = text.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {key} in {text:?}"))
}

/// Returns the value of `key=` in a text as a number.
///
/// # Panics
/// When the key is missing, or its value is no number.
#[track_caller]
#[must_use]
pub fn number<T: FromStr>(text: &str, key: &str) -> T {
    let value = field(text, key);
    value.parse().unwrap_or_else(|_| panic!("{key} is no number in {text:?}"))
}

/// Whether a text is a time of RFC 3339 in UTC, such as `2026-01-31T23:59:59.123456789Z`.
fn is_utc_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z')
}
