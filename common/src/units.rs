//! Sizes and durations as people write them on a command line.

use std::time::Duration;

use bytesize::ByteSize;

/// Parses a size in bytes: `512`, `64KiB`, `1.5 MB`. Binary units are powers of 1,024, decimal units
/// are powers of 1,000.
///
/// # Errors
/// A sentence for the user when the text is no size.
pub fn size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| "expected a size such as 4096, 64KiB or 1MB".to_owned())
}

/// Parses a duration with its unit: `500ms`, `10s`, `1m 30s`. A bare `0` needs no unit.
///
/// # Errors
/// A sentence for the user when the text is no duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a duration with its unit, such as 500ms, 10s or 2m".to_owned())
}

/// Like [`duration`], but refuses zero.
///
/// # Errors
/// A sentence for the user when the text is no duration, or is zero.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than zero".to_owned()),
        positive => Ok(positive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_binary_decimal_and_no_units() {
        for (text, bytes) in [
            ("0", Ok(0)),
            ("512", Ok(512)),
            ("64KiB", Ok(65_536)),
            ("64 kib", Ok(65_536)),
            ("1MB", Ok(1_000_000)),
            ("1.5KiB", Ok(1_536)),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for text in ["", "KiB", "-1", "64 parsecs", "1e3", "NaN"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit_unless_zero() {
        for (text, wanted) in [
            ("0", Duration::ZERO),
            ("0s", Duration::ZERO),
            ("500ms", Duration::from_millis(500)),
            ("10s", Duration::from_secs(10)),
            ("1m 30s", Duration::from_secs(90)),
        ] {
            assert_eq!(duration(text), Ok(wanted), "{text}");
        }
        for text in ["", "5", "-1s", "fast", "s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_positive_duration_is_not_zero() {
        assert!(positive_duration("0ms").is_err());
        assert_eq!(positive_duration("1ms"), Ok(Duration::from_millis(1)));
    }
}
