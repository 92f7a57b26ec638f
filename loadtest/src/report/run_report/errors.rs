//! The kinds of errors, and how often each occurred. Does not depend on the text of an error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The reason why a connection ended unexpectedly. Each kind is counted in the field of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Refused,
    Timeout,
    Reset,
    ClosedEarly,
    Short,
    Corrupt,
    Local,
}

/// The errors of the whole run by kind. Each error ended a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// The server refused the connection.
    pub refused: u64,
    /// No connection, no reply or no end of the stream came in time.
    pub timeout: u64,
    /// The connection was reset.
    pub reset: u64,
    /// The server closed the connection between two lines, before the load tester had finished.
    pub closed_early: u64,
    /// The server closed the connection in the middle of a line.
    pub short: u64,
    /// Bytes arrived that differ from those that were sent.
    pub corrupt: u64,
    /// The load tester's own system refused, for want of a descriptor, a local port or a route.
    pub local: u64,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Refused,
        Self::Timeout,
        Self::Reset,
        Self::ClosedEarly,
        Self::Short,
        Self::Corrupt,
        Self::Local,
    ];

    /// Returns the name that is shown.
    pub(crate) fn name(self) -> &'static str {
        Errors::default().of(self).0
    }
}

impl Errors {
    /// Returns the number of all errors.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind().iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Counts one more error.
    pub(crate) fn count(&mut self, kind: Kind) {
        *self.of(kind).1 += 1;
    }

    /// Adds the errors of another run. A sum that would overflow stays at the greatest number; no real
    /// run reaches it.
    pub fn add(&mut self, other: &Self) {
        for (kind, (_, count)) in Kind::ALL.into_iter().zip(other.by_kind()) {
            let sum = self.of(kind).1;
            *sum = sum.saturating_add(count);
        }
    }

    /// Returns the shown name and the count of each kind.
    #[must_use]
    pub fn by_kind(&self) -> [(&'static str, u64); 7] {
        let mut errors = *self;
        Kind::ALL.map(|kind| {
            let (name, count) = errors.of(kind);
            (name, *count)
        })
    }

    /// Returns the shown name and the count of a kind.
    fn of(&mut self, kind: Kind) -> (&'static str, &mut u64) {
        match kind {
            Kind::Refused => ("refused", &mut self.refused),
            Kind::Timeout => ("timeout", &mut self.timeout),
            Kind::Reset => ("reset", &mut self.reset),
            Kind::ClosedEarly => ("closed early", &mut self.closed_early),
            Kind::Short => ("short", &mut self.short),
            Kind::Corrupt => ("corrupt", &mut self.corrupt),
            Kind::Local => ("local", &mut self.local),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Errors {
        let mut errors = Errors::default();
        Kind::ALL.into_iter().for_each(|kind| errors.count(kind));
        errors
    }

    #[test]
    fn every_kind_is_counted_in_a_field_of_its_name() {
        let Errors { refused, timeout, reset, closed_early, short, corrupt, local } = one_of_each();
        assert_eq!([refused, timeout, reset, closed_early, short, corrupt, local], [1; 7]);
        for kind in Kind::ALL {
            let mut errors = Errors::default();
            errors.count(kind);
            let written = serde_json::to_value(errors).expect("plain data");
            assert_eq!(written[kind.name().replace(' ', "_")], 1, "{written}");
        }
    }

    #[test]
    fn sums_are_of_each_kind_and_have_an_end() {
        let mut errors = Errors { short: u64::MAX, ..one_of_each() };
        errors.add(&one_of_each());
        let expected = Errors {
            refused: 2,
            timeout: 2,
            reset: 2,
            closed_early: 2,
            short: u64::MAX,
            corrupt: 2,
            local: 2,
        };
        assert_eq!((errors, errors.total()), (expected, u64::MAX));
    }
}
