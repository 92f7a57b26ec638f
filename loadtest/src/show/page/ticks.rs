//! The labels at the ticks of an axis: the shortest forms of round numbers.

use crate::formatting::{TIMES, three_digits, unit_of};

/// Formats nanoseconds: `1 ms`, `500 µs`.
pub(super) fn time(ns: f64) -> String {
    let (size, unit) = unit_of(ns, &TIMES);
    format!("{} {unit}", trimmed(three_digits(ns / size)))
}

/// Formats seconds: `5 s`, `2 min`, `1.5 h`.
pub(super) fn seconds(seconds: f64) -> String {
    let shown = |value: f64, unit: &str| format!("{} {unit}", trimmed(format!("{value:.2}")));
    match seconds {
        ..120.0 => shown(seconds, "s"),
        ..7_200.0 => shown(seconds / 60.0, "min"),
        _ => shown(seconds / 3_600.0, "h"),
    }
}

/// Formats a rate: `20k`, `1.5M`.
pub(super) fn rate(rate: f64) -> String {
    let (value, unit) = match rate {
        ..1e3 => (rate, ""),
        ..1e6 => (rate / 1e3, "k"),
        ..1e9 => (rate / 1e6, "M"),
        _ => (rate / 1e9, "G"),
    };
    format!("{}{unit}", trimmed(format!("{value:.2}")))
}

/// Formats the percentile at a place of the percentile spectrum: `0%`, `90%`, `99.9%`.
pub(super) fn percentile_of_place(place: f64) -> String {
    match place.round() {
        ..1.0 => "0%".to_owned(),
        1.0 => "90%".to_owned(),
        2.0 => "99%".to_owned(),
        #[expect(clippy::cast_possible_truncation, reason = "the place is small")]
        #[expect(clippy::cast_sign_loss, reason = "the place is positive")]
        nines => format!("99.{}%", "9".repeat(nines as usize - 2)),
    }
}

/// Removes zeros that say nothing.
fn trimmed(number: String) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        for (shown, wanted) in [
            (time(1e6), "1 ms"),
            (time(2.0), "2 ns"),
            (time(5e5), "500 µs"),
            (time(1e10), "10 s"),
            (seconds(0.0), "0 s"),
            (seconds(2.5), "2.5 s"),
            (seconds(150.0), "2.5 min"),
            (seconds(7_200.0), "2 h"),
            (rate(0.0), "0"),
            (rate(20_000.0), "20k"),
            (rate(1_500_000.0), "1.5M"),
            (percentile_of_place(0.0), "0%"),
            (percentile_of_place(1.0), "90%"),
            (percentile_of_place(2.0), "99%"),
            (percentile_of_place(5.0), "99.999%"),
        ] {
            assert_eq!(shown, wanted);
        }
    }
}
