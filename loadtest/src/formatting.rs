//! Figures as people read them: three digits and a unit. Tables, pages and sentences all use these.

/// Shown in place of a figure that does not exist.
pub const NONE: &str = "–";

pub(crate) const TIMES: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const SIZES: [(f64, &str); 5] = [(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")];

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
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
    /// Formats a value with its unit.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Count => grouped(value),
            Self::Nanoseconds => time(value),
            Self::Seconds => time(value * 1e9),
            Self::Rate => per_second(value),
            Self::Bytes => bytes(value),
            Self::ByteRate => bytes_per_second(value),
            Self::Part => percent(value),
        }
    }
}

/// Formats nanoseconds: `999 ns`, `45.2 µs`, `1.23 ms`, `60.0 s`. Not a number becomes `–`.
///
/// ```
/// assert_eq!(echo_loadtest::formatting::time(45_200.0), "45.2 µs");
/// ```
#[must_use]
pub fn time(ns: f64) -> String {
    with_unit(ns, &TIMES)
}

/// Formats bytes in decimal units: `0 B`, `999 B`, `1.50 kB`, `15.8 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    with_unit(bytes, &SIZES)
}

/// Formats bytes a second: `15.8 MB/s`.
#[must_use]
pub fn bytes_per_second(per_s: f64) -> String {
    format!("{}/s", bytes(per_s))
}

/// Formats a whole number with a comma before every three digits: `1,234,567`.
#[must_use]
pub fn count(count: u64) -> String {
    with_commas(&count.to_string())
}

/// Formats events a second: `0.50`, `12.3`, `50`, `123,457`.
#[must_use]
pub fn rate(per_s: f64) -> String {
    if per_s.fract() == 0.0 { grouped(per_s) } else { three_digits(per_s) }
}

/// Formats events a second with the unit: `12,345/s`.
#[must_use]
pub fn per_second(per_s: f64) -> String {
    format!("{}/s", rate(per_s))
}

/// Formats a part of the whole, 0 to 1, as `98.8 %`, and a small one as `0.004 %`.
#[must_use]
pub fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if !percent.is_finite() => NONE.to_owned(),
        percent if percent > 0.0 && percent < 0.095 => format!("{percent:.3} %"),
        percent => format!("{percent:.1} %"),
    }
}

/// Formats a number of things whose plural takes an s: `1 thread`, `2 threads`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Formats a value with the greatest unit that leaves at least 1 before the point. A whole number of the
/// first unit has no digits after the point.
fn with_unit(value: f64, units: &[(f64, &str)]) -> String {
    let (size, unit) = unit_of(value, units);
    match value / size {
        whole if size <= 1.0 && whole.fract() == 0.0 => format!("{} {unit}", grouped(whole)),
        value if value.is_finite() => format!("{} {unit}", three_digits(value)),
        _ => NONE.to_owned(),
    }
}

/// Returns the greatest unit that leaves at least 1 before the point, with its size; otherwise the
/// first.
pub(crate) fn unit_of<'a>(value: f64, units: &[(f64, &'a str)]) -> (f64, &'a str) {
    // A value that rounds up to a thousand of one unit is one of the next.
    let fits = |(size, _): &&(f64, &str)| value / size >= 0.9995;
    units.iter().rev().find(fits).or(units.first()).copied().unwrap_or((1.0, ""))
}

/// Formats three digits, or all before the point.
pub(crate) fn three_digits(value: f64) -> String {
    match value.abs() {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

/// Rounds to a whole number, and formats it with a comma before every three digits.
fn grouped(value: f64) -> String {
    if value.is_finite() { with_commas(&format!("{value:.0}")) } else { NONE.to_owned() }
}

fn with_commas(plain: &str) -> String {
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
    fn times_have_three_digits_and_never_a_thousand_of_a_unit() {
        for (ns, shown) in [
            (0.0, "0 ns"),
            (7.0, "7 ns"),
            (7.25, "7.25 ns"),
            (999.0, "999 ns"),
            (999.6, "1.00 µs"),
            (1_000.0, "1.00 µs"),
            (45_249.0, "45.2 µs"),
            (99_960.0, "100 µs"),
            (999_499.0, "999 µs"),
            (999_500.0, "1.00 ms"),
            (9_996_000.0, "10.0 ms"),
            (1_234_567_890.0, "1.23 s"),
            (60e9, "60.0 s"),
            (3_600e9, "3,600 s"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(time(ns), shown, "{ns}");
        }
    }

    #[test]
    fn bytes_are_decimal() {
        for (len, shown) in [
            (0.0, "0 B"),
            (95.5, "95.5 B"),
            (999.0, "999 B"),
            (1_500.0, "1.50 kB"),
            (15_802_368.0, "15.8 MB"),
        ] {
            assert_eq!(bytes(len), shown);
        }
    }

    #[test]
    fn thousands_are_apart() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), shown);
        }
    }

    #[test]
    fn rates_are_whole_or_have_three_digits() {
        for (per_s, shown) in [
            (0.0, "0"),
            (0.5, "0.50"),
            (12.34, "12.3"),
            (50.0, "50"),
            (99.96, "100"),
            (123_456.7, "123,457"),
        ] {
            assert_eq!(rate(per_s), shown);
        }
    }

    #[test]
    fn each_unit_has_its_form() {
        for (unit, value, wanted) in [
            (Unit::Count, 1_234_567.0, "1,234,567"),
            (Unit::Nanoseconds, 842.0, "842 ns"),
            (Unit::Seconds, 0.5, "500 ms"),
            (Unit::Seconds, 10.0, "10.0 s"),
            (Unit::Rate, 98_231.4, "98,231/s"),
            (Unit::Rate, 0.333, "0.33/s"),
            (Unit::Bytes, 7_912_345.0, "7.91 MB"),
            (Unit::ByteRate, 1_250.0, "1.25 kB/s"),
            (Unit::Part, 0.98765, "98.8 %"),
            (Unit::Part, 0.000_04, "0.004 %"),
            (Unit::Part, f64::NAN, "–"),
        ] {
            assert_eq!(unit.show(value), wanted, "{value} {unit:?}");
        }
    }
}
