//! The times in a report: the usual percentiles, and the whole histogram in the standard compressed
//! form. Any other figure can be calculated from the histogram, and histograms can be merged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::formatting;

/// Maximum time in a histogram: one minute. Longer times count as this one.
pub const MAX_NS: u64 = 60_000_000_000;

/// Number of digits to which percentiles are exact.
pub const DIGITS: u8 = 3;

/// Returns an empty histogram of times in nanoseconds, up to [`MAX_NS`], to [`DIGITS`] digits. It always
/// takes 221 KB.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the library takes these constants")]
    Histogram::new_with_bounds(1, MAX_NS, DIGITS).expect("constant bounds")
}

/// Formats a time of a histogram. [`MAX_NS`] means this time or longer: `≥60.0 s`.
#[must_use]
pub fn show_time(ns: f64) -> String {
    let sign = if ns >= MAX_NS as f64 { "≥" } else { "" };
    format!("{sign}{}", formatting::time(ns))
}

/// Encodes a histogram as text: V2, deflated, in base64. All HdrHistogram tools read this form.
#[must_use]
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = vec![];
    #[expect(clippy::expect_used, reason = "writing to memory does not fail")]
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("memory takes it");
    BASE64.encode(bytes)
}

/// Decodes the text of [`encode`] or of another implementation.
///
/// # Errors
/// A sentence, if the text is not a histogram.
pub fn decode(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = BASE64.decode(text).map_err(|error| error.to_string())?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| error.to_string())
}

/// A set of times in nanoseconds. All figures are 0 if the set is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Number of times.
    pub count: u64,
    /// The shortest time.
    pub min_ns: u64,
    /// The mean.
    pub mean_ns: f64,
    /// The standard deviation.
    pub stddev_ns: f64,
    /// The median: half of the times are not longer than this.
    pub p50_ns: u64,
    /// 75 of 100 times are not longer than this.
    pub p75_ns: u64,
    /// 90 of 100 times are not longer than this.
    pub p90_ns: u64,
    /// 99 of 100 times are not longer than this.
    pub p99_ns: u64,
    /// 999 of 1,000 times are not longer than this.
    pub p99_9_ns: u64,
    /// 9,999 of 10,000 times are not longer than this.
    pub p99_99_ns: u64,
    /// The longest time. 60 s means 60 s or longer.
    pub max_ns: u64,
    /// All times as an HdrHistogram of nanoseconds: V2, deflated, in base64.
    pub histogram: String,
}

impl Distribution {
    /// Returns the figures of `histogram`.
    #[must_use]
    pub fn new(histogram: &Histogram<u64>) -> Self {
        let at = |percentile| histogram.value_at_quantile(percentile);
        Self {
            count: histogram.len(),
            min_ns: histogram.min(),
            mean_ns: histogram.mean(),
            stddev_ns: histogram.stdev(),
            p50_ns: at(0.5),
            p75_ns: at(0.75),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            p99_99_ns: at(0.9999),
            max_ns: histogram.max(),
            histogram: encode(histogram),
        }
    }

    /// Decodes the histogram.
    ///
    /// # Errors
    /// A sentence, if the text is not a histogram.
    pub fn to_histogram(&self) -> Result<Histogram<u64>, String> {
        decode(&self.histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_comes_back_as_it_was() {
        let mut times = histogram();
        for (time, count) in [(1, 3), (1_000, 90), (123_456_789, 6), (MAX_NS, 1)] {
            times.record_n(time, count).expect("within bounds");
        }
        let distribution = Distribution::new(&times);
        assert_eq!(distribution.to_histogram().expect("it was encoded here"), times);
        assert_eq!((distribution.count, distribution.min_ns), (100, 1));
        assert_eq!(distribution.p50_ns, 1_000);
        assert_eq!(distribution.max_ns, times.max());
        assert!(distribution.histogram.starts_with("HISTFAAAA"), "{}", distribution.histogram);
    }

    #[test]
    fn the_longest_time_says_that_it_may_be_longer() {
        assert_eq!(show_time(6.001e10), "≥60.0 s");
        assert_eq!(show_time(5.9e10), "59.0 s");
    }

    #[test]
    fn an_empty_one_is_all_zero() {
        let distribution = Distribution::new(&histogram());
        assert_eq!((distribution.count, distribution.min_ns, distribution.max_ns), (0, 0, 0));
        assert_eq!(distribution.to_histogram().expect("it was encoded here").len(), 0);
    }
}
