//! Figures as people read them.

use crate::report::distribution::MAX_NS;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things.
    Count,
    /// A time, in nanoseconds.
    Nanoseconds,
    /// A time, in seconds.
    Seconds,
    /// Messages, or connections, a second.
    Rate,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    ByteRate,
    /// A part of a whole, 0 to 1.
    Part,
}

impl Unit {
    /// `value` with its unit, to three digits; things are given exactly.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Count => grouped(value),
            Self::Nanoseconds => time(value),
            Self::Seconds => time(value * 1e9),
            Self::Rate => format!("{}/s", whole_or_digits(value)),
            Self::Bytes => bytes(value),
            Self::ByteRate => format!("{}/s", bytes(value)),
            Self::Part => format!("{}%", digits(value * 100.0)),
        }
    }

    /// The same of a whole number.
    #[allow(clippy::cast_precision_loss)] // Exact below 2^53.
    pub(super) fn show_count(self, value: u64) -> String {
        self.show(value as f64)
    }

    /// The same; the longest time that a histogram tells from longer ones says so.
    pub(super) fn show_in_histogram(self, value: f64) -> String {
        #[allow(clippy::cast_precision_loss)]
        let is_longest = self == Self::Nanoseconds && value >= MAX_NS as f64;
        if is_longest { format!("≥ {}", self.show(value)) } else { self.show(value) }
    }
}

/// A time at a tick: `1 ms`, `500 µs`.
pub(super) fn tick_time(ns: f64) -> String {
    with_unit(ns, &TIMES, |value| trimmed(digits(value)))
}

/// Seconds at a tick: `5 s`, `2 min`, `1.5 h`.
pub(super) fn tick_seconds(seconds: f64) -> String {
    let shown = |value: f64, unit: &str| format!("{} {unit}", trimmed(format!("{value:.2}")));
    match seconds {
        ..120.0 => shown(seconds, "s"),
        ..7_200.0 => shown(seconds / 60.0, "min"),
        _ => shown(seconds / 3_600.0, "h"),
    }
}

/// A rate at a tick: `20k`, `1.5M`.
pub(super) fn tick_rate(rate: f64) -> String {
    let (value, unit) = match rate {
        ..1e3 => (rate, ""),
        ..1e6 => (rate / 1e3, "k"),
        ..1e9 => (rate / 1e6, "M"),
        _ => (rate / 1e9, "G"),
    };
    format!("{}{unit}", trimmed(format!("{value:.2}")))
}

/// What a tick of the percentile spectrum stands for: `0%`, `90%`, `99.9%`.
pub(super) fn percentile_of_place(place: f64) -> String {
    match place.round() {
        ..1.0 => "0%".to_owned(),
        1.0 => "90%".to_owned(),
        2.0 => "99%".to_owned(),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Small and positive.
        nines => format!("99.{}%", "9".repeat(nines as usize - 2)),
    }
}

const TIMES: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const SIZES: [(f64, &str); 5] = [(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")];

fn time(ns: f64) -> String {
    with_unit(ns, &TIMES, digits)
}

fn bytes(bytes: f64) -> String {
    let whole = bytes < 999.5 && bytes.fract() == 0.0;
    with_unit(bytes, &SIZES, if whole { grouped } else { digits })
}

/// In the greatest unit that leaves at least 1 before the point.
fn with_unit(value: f64, units: &[(f64, &str)], show: impl Fn(f64) -> String) -> String {
    // What rounds up to a thousand of one unit is one of the next.
    let fits = |(size, _): &&(f64, &str)| value / size >= 0.9995;
    let (size, name) =
        units.iter().rev().find(fits).or(units.first()).copied().unwrap_or((1.0, ""));
    format!("{} {name}", show(value / size))
}

/// Three digits, or all before the point.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => grouped(value.round()),
    }
}

fn whole_or_digits(value: f64) -> String {
    if value.fract() == 0.0 { grouped(value) } else { digits(value) }
}

/// Without zeros that say nothing.
fn trimmed(number: String) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number
    }
}

/// A whole number with a comma before every three digits.
fn grouped(value: f64) -> String {
    let plain = format!("{value:.0}");
    let mut grouped = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        for (unit, value, wanted) in [
            (Unit::Count, 0.0, "0"),
            (Unit::Count, 999.0, "999"),
            (Unit::Count, 1_234_567.0, "1,234,567"),
            (Unit::Nanoseconds, 0.0, "0 ns"),
            (Unit::Nanoseconds, 842.0, "842 ns"),
            (Unit::Nanoseconds, 999.6, "1.00 µs"),
            (Unit::Nanoseconds, 12_345.0, "12.3 µs"),
            (Unit::Nanoseconds, 999_499.0, "999 µs"),
            (Unit::Nanoseconds, 99_960_000.0, "100 ms"),
            (Unit::Seconds, 0.5, "500 ms"),
            (Unit::Seconds, 10.0, "10.0 s"),
            (Unit::Seconds, 3_600.0, "3,600 s"),
            (Unit::Rate, 98_231.4, "98,231/s"),
            (Unit::Rate, 50.0, "50/s"),
            (Unit::Rate, 0.333, "0.33/s"),
            (Unit::Bytes, 64.0, "64 B"),
            (Unit::Bytes, 7_912_345.0, "7.91 MB"),
            (Unit::ByteRate, 1_250.0, "1.25 kB/s"),
            (Unit::Part, 0.625, "62.5%"),
            (Unit::Part, 1.0, "100%"),
        ] {
            assert_eq!(unit.show(value), wanted, "{value} {unit:?}");
        }
    }

    #[test]
    fn the_longest_time_of_a_histogram_says_that_it_may_be_longer() {
        assert_eq!(Unit::Nanoseconds.show_in_histogram(6.001e10), "≥ 60.0 s");
        assert_eq!(Unit::Nanoseconds.show_in_histogram(5.9e10), "59.0 s");
        assert_eq!(Unit::Count.show_in_histogram(7e10), "70,000,000,000");
    }

    #[test]
    fn ticks_are_short() {
        for (shown, wanted) in [
            (tick_time(1e6), "1 ms"),
            (tick_time(2.0), "2 ns"),
            (tick_time(5e5), "500 µs"),
            (tick_time(1e10), "10 s"),
            (tick_seconds(0.0), "0 s"),
            (tick_seconds(2.5), "2.5 s"),
            (tick_seconds(150.0), "2.5 min"),
            (tick_seconds(7_200.0), "2 h"),
            (tick_rate(0.0), "0"),
            (tick_rate(20_000.0), "20k"),
            (tick_rate(1_500_000.0), "1.5M"),
            (percentile_of_place(0.0), "0%"),
            (percentile_of_place(1.0), "90%"),
            (percentile_of_place(2.0), "99%"),
            (percentile_of_place(5.0), "99.999%"),
        ] {
            assert_eq!(shown, wanted);
        }
    }
}
