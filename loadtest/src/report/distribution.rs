//! How long things took, as it stands in a report: the percentiles people ask for, and the whole
//! histogram in the standard compressed form, so that everything else can be computed and merged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest time that a histogram tells from longer ones: a minute.
pub const MAX_NS: u64 = 60_000_000_000;

/// Percentiles are exact to so many digits.
pub const DIGITS: u8 = 3;

/// An empty histogram of times in nanoseconds, up to [`MAX_NS`], to [`DIGITS`] digits. Its size is
/// 221 KB whatever is recorded.
#[must_use]
#[allow(clippy::missing_panics_doc)] // The bounds are constants that the library takes.
pub fn histogram() -> Histogram<u64> {
    #[allow(clippy::expect_used)]
    Histogram::new_with_bounds(1, MAX_NS, DIGITS).expect("constant bounds")
}

/// A histogram as text: V2, deflated, in base64, as all HdrHistogram tools read it.
#[must_use]
#[allow(clippy::missing_panics_doc)] // Writing to memory does not fail.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = vec![];
    #[allow(clippy::expect_used)]
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("memory takes it");
    BASE64.encode(bytes)
}

/// What [`encode`] made, or another implementation.
///
/// # Errors
/// A sentence when the text is no histogram.
pub fn decode(text: &str) -> Result<Histogram<u64>, String> {
    let bytes = BASE64.decode(text).map_err(|error| error.to_string())?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| error.to_string())
}

/// A set of times, in nanoseconds. All 0 when there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// How many there are.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// The mean.
    pub mean_ns: f64,
    /// The standard deviation.
    pub stddev_ns: f64,
    /// Half are not longer.
    pub p50_ns: u64,
    /// 75 of 100 are not longer.
    pub p75_ns: u64,
    /// 90 of 100 are not longer.
    pub p90_ns: u64,
    /// 99 of 100 are not longer.
    pub p99_ns: u64,
    /// 999 of 1,000 are not longer.
    pub p99_9_ns: u64,
    /// 9,999 of 10,000 are not longer.
    pub p99_99_ns: u64,
    /// The longest; [`MAX_NS`] stands for that or longer.
    pub max_ns: u64,
    /// All of them: an HdrHistogram of nanoseconds, V2, deflated, in base64.
    pub histogram: String,
}

impl Distribution {
    /// What `histogram` holds.
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

    /// The histogram again.
    ///
    /// # Errors
    /// A sentence when the text is no histogram.
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
    fn an_empty_one_is_all_zero() {
        let distribution = Distribution::new(&histogram());
        assert_eq!((distribution.count, distribution.min_ns, distribution.max_ns), (0, 0, 0));
        assert_eq!(distribution.to_histogram().expect("it was encoded here").len(), 0);
    }
}
