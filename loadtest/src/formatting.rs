//! Figures as people read them: three digits and a unit.

/// Nanoseconds: `999 ns`, `45.2 µs`, `1.23 ms`, `60.0 s`. Not a number is shown as `–`.
///
/// ```
/// assert_eq!(echo_loadtest::formatting::time(45_200.0), "45.2 µs");
/// ```
#[must_use]
pub fn time(ns: f64) -> String {
    if ns < 999.5 {
        return format!("{ns:.0} ns");
    }
    scaled(ns, &[(1e3, "µs"), (1e6, "ms"), (1e9, "s")])
}

/// Bytes, in decimal units: `0 B`, `999 B`, `1.50 kB`, `15.8 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    if bytes < 999.5 {
        return format!("{bytes:.0} B");
    }
    scaled(bytes, &[(1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")])
}

/// Bytes a second: `15.8 MB/s`.
#[must_use]
pub fn bytes_per_second(per_s: f64) -> String {
    format!("{}/s", bytes(per_s))
}

/// A whole number with its thousands apart: `1,234,567`.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// So many a second: `0.50`, `12.3`, `123,457`.
#[must_use]
pub fn rate(per_s: f64) -> String {
    if per_s < 99.95 {
        return three_digits(per_s);
    }
    // Rates above 2^64 a second are not met with.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    count(per_s.round() as u64)
}

/// So many a second, with the unit: `12,345/s`.
#[must_use]
pub fn per_second(per_s: f64) -> String {
    format!("{}/s", rate(per_s))
}

/// A part of the whole, 0 to 1, as `98.8 %`, a small one as `0.004 %`.
#[must_use]
pub fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if !percent.is_finite() => "–".to_owned(),
        percent if percent > 0.0 && percent < 0.095 => format!("{percent:.3} %"),
        percent => format!("{percent:.1} %"),
    }
}

/// `1 thread`, `2 threads`: a noun that takes an s.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// The value in the first unit, of ascending ones, in which it is below 1,000; otherwise in the
/// last.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let fitting = units.iter().find(|(size, _)| value / size < 999.5);
    match fitting.or(units.last()) {
        Some((size, unit)) if value.is_finite() => format!("{} {unit}", three_digits(value / size)),
        Some(_) | None => "–".to_owned(),
    }
}

/// At least three digits.
fn three_digits(value: f64) -> String {
    match value {
        small if small < 9.995 => format!("{small:.2}"),
        medium if medium < 99.95 => format!("{medium:.1}"),
        large => format!("{large:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_never_a_thousand_of_a_unit() {
        for (ns, shown) in [
            (0.0, "0 ns"),
            (7.0, "7 ns"),
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
            (3_600e9, "3600 s"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(time(ns), shown, "{ns}");
        }
    }

    #[test]
    fn bytes_are_decimal() {
        for (len, shown) in
            [(0.0, "0 B"), (999.0, "999 B"), (1_500.0, "1.50 kB"), (15_802_368.0, "15.8 MB")]
        {
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
    fn rates_are_whole_once_they_have_three_digits() {
        for (per_s, shown) in
            [(0.0, "0.00"), (0.5, "0.50"), (12.34, "12.3"), (99.96, "100"), (123_456.7, "123,457")]
        {
            assert_eq!(rate(per_s), shown);
        }
        assert_eq!(percent(0.98765), "98.8 %");
        assert_eq!(percent(f64::NAN), "–");
    }
}
