//! Parsers for single values of the command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use echo_common::units;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Maximum length of a message: each connection may hold several messages.
pub(super) const MAX_MESSAGE_LEN: usize = 16 << 20;

/// Rates outside this range are typing errors: the lower end is one message in 11 days, and the upper
/// end is more than any machine sends.
const RATES: RangeInclusive<f64> = 1e-6..=1e9;

/// Maximum duration. Nobody measures for longer, and sums of times stay far from the end of the calendar.
const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Minimum interval of a report. Every thread fills one histogram per interval, so shorter intervals
/// would leave it no time for anything else.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(10);

/// The lengths of the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SizeArg {
    /// Any length from the first to the second.
    Range(usize, usize),
    /// The lengths of the lines in a file.
    File(PathBuf),
}

/// Parses lengths of messages: `128`, `64KiB`, `64..1024`, `@messages.txt`.
pub(super) fn size(text: &str) -> Result<SizeArg, String> {
    if let Some(path) = text.strip_prefix('@') {
        let named = !path.is_empty();
        return named
            .then(|| SizeArg::File(path.into()))
            .ok_or("expected a file after @".to_owned());
    }
    let form = "expected a length such as 128 or 64KiB, a range such as 64..1024, or @FILE";
    let one = |text| length_or(text, form);
    let (min, max) = match text.split_once("..") {
        Some((min, max)) => (one(min)?, one(max)?),
        None => (one(text)?, one(text)?),
    };
    if min > max {
        return Err(format!("the range goes down, from {min} to {max}"));
    }
    Ok(SizeArg::Range(min, max))
}

/// Parses one length: `128`, `64KiB`.
pub(super) fn length(text: &str) -> Result<usize, String> {
    length_or(text, "expected a length such as 128 or 64KiB")
}

fn length_or(text: &str, form: &str) -> Result<usize, String> {
    let len = units::size(text).map_err(|_| form.to_owned())?;
    let len = usize::try_from(len).ok().filter(|len| (1..=MAX_MESSAGE_LEN).contains(len));
    len.ok_or_else(|| "a message has from 1B, its newline, to 16MiB".to_owned())
}

/// Parses a rate per second: `50000`, `50k`, `1.5M`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let form = "expected a rate above 0, such as 50000, 50k or 1.5M";
    let rate = number(text).filter(|rate| *rate > 0.0).ok_or(form)?;
    let range = "a rate is from 0.000001 to 1000M a second";
    Some(rate).filter(|rate| RATES.contains(rate)).ok_or_else(|| range.to_owned())
}

/// Parses a duration that is neither zero nor longer than [`MAX_DURATION`].
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    not_for_ever(units::positive_duration(text)?)
}

/// Parses a duration that is not longer than [`MAX_DURATION`].
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    not_for_ever(units::duration(text)?)
}

fn not_for_ever(duration: Duration) -> Result<Duration, String> {
    let too_long = || "must not be longer than 365 days".to_owned();
    Some(duration).filter(|duration| *duration <= MAX_DURATION).ok_or_else(too_long)
}

/// Parses the interval of a report.
pub(super) fn report_interval(text: &str) -> Result<Duration, String> {
    let too_short = || "must not be shorter than 10ms".to_owned();
    Some(duration(text)?).filter(|length| *length >= MIN_REPORT_INTERVAL).ok_or_else(too_short)
}

/// Parses a count of at least 1: `1000000`, `50k`, `1.5M`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let form = || "expected a whole number above 0, such as 1000000, 50k or 1.5M".to_owned();
    let exact = text.parse().ok().filter(|count| *count > 0);
    // Counts with a unit are exact up to 2^53, which is far more than any run sends.
    #[expect(clippy::cast_possible_truncation, reason = "the count is whole and below 2^53")]
    #[expect(clippy::cast_sign_loss, reason = "the count is positive")]
    let scaled = || {
        let count = number(text).filter(|count| count.fract() == 0.0 && *count < 9e15);
        count.map(|count| count as u64).filter(|count| *count > 0)
    };
    exact.or_else(scaled).ok_or_else(form)
}

/// Parses a percentage above 0% and below 100%: `5%` is 0.05.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    let part = number.map(|number| number / 100.0).filter(|part| *part > 0.0 && *part < 1.0);
    part.ok_or_else(|| "expected a percentage above 0% and below 100%, such as 5%".to_owned())
}

/// Parses a number of digits, which `k` multiplies by a thousand and `M` by a million.
fn number(text: &str) -> Option<f64> {
    let (digits, factor) = scaled(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits.parse::<f64>().ok().filter(|_| plain).map(|number| number * factor)
}

/// Returns the text before a `k` or an `M`, and the factor that the letter stands for.
fn scaled(text: &str) -> (&str, f64) {
    let text = text.trim();
    if let Some(thousands) = text.strip_suffix(['k', 'K']) {
        return (thousands, 1e3);
    }
    text.strip_suffix('M').map_or((text, 1.0), |millions| (millions, 1e6))
}

/// Parses a time: RFC 3339, or seconds since 1970 with or without a fraction.
pub(super) fn time(text: &str) -> Result<SystemTime, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let unix = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(seconds));
    let calendar = || OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from);
    unix.or_else(calendar).ok_or_else(|| {
        "expected a time such as 2026-11-24T03:20:40Z, or seconds since 1970".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_lengths_ranges_or_files() {
        for (text, size_arg) in [
            ("1", SizeArg::Range(1, 1)),
            ("64KiB", SizeArg::Range(65_536, 65_536)),
            ("64..1024", SizeArg::Range(64, 1_024)),
            ("1KiB..1MiB", SizeArg::Range(1_024, 1 << 20)),
            ("16MiB", SizeArg::Range(16 << 20, 16 << 20)),
            ("@a b.txt", SizeArg::File("a b.txt".into())),
        ] {
            assert_eq!(size(text), Ok(size_arg), "{text}");
        }
        for text in ["", "0", "0..5", "5..0", "17MiB", "@", "..", "1..", "x", "-1", "1...5"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("9..5").unwrap_err().contains("from 9 to 5"));
    }

    #[test]
    fn rates_take_thousands_and_millions() {
        for (text, per_s) in [
            ("50000", 50_000.0),
            ("50k", 50_000.0),
            ("50K", 50_000.0),
            ("1.5M", 1.5e6),
            ("0.5", 0.5),
        ] {
            assert_eq!(rate(text), Ok(per_s), "{text}");
        }
        for text in ["", "0", "-1", "inf", "nan", "1e999", "k", "5m", "5 per s", "1..5"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_that_no_schedule_can_keep_are_refused() {
        assert_eq!((rate("0.000001"), rate("1000M")), (Ok(1e-6), Ok(1e9)));
        let tiny = format!("0.{}1", "0".repeat(315));
        for text in ["0.0000009", "1001M", &tiny, &"9".repeat(305)] {
            assert!(rate(text).unwrap_err().starts_with("a rate is from"), "{text}");
        }
    }

    #[test]
    fn durations_end_before_the_calendar_does() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(positive_duration("365days"), Ok(MAX_DURATION));
        for text in ["366days", "500000000000years"] {
            assert!(duration(text).is_err() && positive_duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0").is_err() && duration("5").is_err());
    }

    #[test]
    fn a_piece_of_the_report_is_no_shorter_than_it_takes_to_report_it() {
        assert_eq!(report_interval("10ms"), Ok(Duration::from_millis(10)));
        for text in ["0", "1ns", "9ms", "366days"] {
            assert!(report_interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_whole() {
        for (text, whole) in
            [("1", 1), ("50k", 50_000), ("1.5M", 1_500_000), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(count(text), Ok(whole), "{text}");
        }
        for text in ["0", "1.5", "0.0001k", "-5", "", "99999999999999999999"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_have_their_sign() {
        assert_eq!(percent("5%"), Ok(0.05));
        assert_eq!(percent("0.5 %"), Ok(0.005));
        for text in ["5", "0%", "100%", "-1%", "%", "nan%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_of_the_calendar_or_since_1970() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
        for (text, seconds) in [
            ("2026-11-18T11:06:40Z", 1_795_000_000.0),
            ("2026-11-18T12:06:40+01:00", 1_795_000_000.0),
            ("2026-11-18T11:06:40.5Z", 1_795_000_000.5),
            ("1795000000", 1_795_000_000.0),
            ("1795000000.5", 1_795_000_000.5),
        ] {
            assert_eq!(time(text), Ok(at(seconds)), "{text}");
        }
        for text in ["", "noon", "-1", "nan", "1e300", "2026-11-18"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
