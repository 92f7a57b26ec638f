//! The log as other programs read it: one record a line, `TIME [LEVEL] words key=value …`.

use std::str::FromStr;

use crate::process::excerpt;

/// A line of the log, taken apart.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// When, in RFC 3339, in UTC.
    pub time: &'a str,
    /// How serious, such as `INFO`.
    pub level: &'a str,
    /// What: words, then `key=value` pairs.
    pub text: &'a str,
}

impl<'a> Record<'a> {
    /// Takes a line apart, without its newline.
    ///
    /// # Panics
    /// When it is no record.
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

    /// What stands behind `key=`, up to the next space.
    ///
    /// # Panics
    /// When the key is missing.
    #[track_caller]
    #[must_use]
    pub fn field(&self, key: &str) -> &'a str {
        field(self.text, key)
    }

    /// The same as a number.
    ///
    /// # Panics
    /// When it is missing, or none.
    #[track_caller]
    #[must_use]
    pub fn number<T: FromStr>(&self, key: &str) -> T {
        number(self.text, key)
    }

    /// A duration such as `1.234s`, in seconds.
    ///
    /// # Panics
    /// When it is missing, or none.
    #[track_caller]
    #[must_use]
    pub fn seconds(&self, key: &str) -> f64 {
        let value = self.field(key);
        value.strip_suffix('s').and_then(|number| number.parse().ok()).expect("seconds")
    }
}

/// Every record in `log` whose text begins with `beginning`; each line has to be a record.
///
/// # Panics
/// When one is not.
#[track_caller]
#[allow(clippy::must_use_candidate)] // It checks, too.
pub fn records<'a>(log: &'a str, beginning: &str) -> Vec<Record<'a>> {
    let all = log.lines().map(Record::parse);
    all.filter(|record| record.text.starts_with(beginning)).collect()
}

/// The one record whose text begins with `beginning`.
///
/// # Panics
/// When there is none, or more than one.
#[track_caller]
#[allow(clippy::must_use_candidate)] // It checks, too.
pub fn record<'a>(log: &'a str, beginning: &str) -> Record<'a> {
    match records(log, beginning)[..] {
        [record] => record,
        ref found => panic!("{} records {beginning:?} in:\n{}", found.len(), excerpt(log)),
    }
}

/// What stands behind `key=` in a text, up to the next space.
#[track_caller]
fn field<'a>(text: &'a str, key: &str) -> &'a str {
    let value = text.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {key} in {text:?}"))
}

/// The number that stands behind `key=` in a text, up to the next space.
///
/// # Panics
/// When it is missing, or none.
#[track_caller]
#[must_use]
pub fn number<T: FromStr>(text: &str, key: &str) -> T {
    let value = field(text, key);
    value.parse().unwrap_or_else(|_| panic!("{key} is no number in {text:?}"))
}

/// RFC 3339 with the time zone Z: `2026-01-31T23:59:59.123456789Z`.
fn is_utc_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z')
}
