//! The interval log of the HdrHistogram tools: one histogram for each interval, written during the run.
//! Format: `HistogramLogWriter` of HdrHistogram, version 1.3.
//!
//! The library's own writer borrows its output, so a struct cannot hold both. The tests read the log
//! back with the library's reader.

use std::io::{self, Write};
use std::time::SystemTime;

use hdrhistogram::Histogram;

use crate::report::distribution;

/// Times are logged in nanoseconds. Only the column `Interval_Max` is in milliseconds.
const MAX_VALUE_UNIT_RATIO: f64 = 1_000_000.0;

const LEGEND: &str =
    r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// An interval log.
#[derive(Debug)]
pub struct HdrLog<W> {
    output: W,
}

impl<W: Write> HdrLog<W> {
    /// Writes the header of the log of a measurement that began at `start`.
    ///
    /// # Errors
    /// The error of a failed write.
    pub fn new(mut output: W, start: SystemTime) -> io::Result<Self> {
        let since_epoch = start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        writeln!(output, "#[Histogram log format version 1.3]")?;
        writeln!(
            output,
            "#[StartTime: {:.3} (seconds since epoch), {}]",
            since_epoch.as_secs_f64(),
            humantime::format_rfc3339_millis(start)
        )?;
        writeln!(output, "{LEGEND}")?;
        output.flush()?;
        Ok(Self { output })
    }

    /// Logs the times, in nanoseconds, of the interval that began `start_s` seconds after the start and
    /// lasted `duration_s` seconds. The caller must log intervals in order.
    ///
    /// # Errors
    /// The error of a failed write.
    pub fn interval(
        &mut self,
        start_s: f64,
        duration_s: f64,
        times: &Histogram<u64>,
    ) -> io::Result<()> {
        let max_ms = times.max() as f64 / MAX_VALUE_UNIT_RATIO;
        let encoded = distribution::encode(times);
        writeln!(self.output, "{start_s:.3},{duration_s:.3},{max_ms:.3},{encoded}")?;
        // So that a reader can follow the log, and that the log is complete if the run is killed.
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    fn times(values: &[u64]) -> Histogram<u64> {
        let mut times = distribution::histogram();
        values.iter().for_each(|value| times.record(*value).unwrap());
        times
    }

    #[test]
    fn the_library_reads_back_what_was_logged() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
        let pieces = [times(&[1_000, 2_000_000]), times(&[]), times(&[distribution::MAX_NS])];
        let mut text = vec![];
        let mut log = HdrLog::new(&mut text, start).unwrap();
        for (second, piece) in [0.0, 1.0, 2.0].into_iter().zip(&pieces) {
            log.interval(second, 1.0, piece).unwrap();
        }
        let entries: Vec<_> = IntervalLogIterator::new(&text).map(Result::unwrap).collect();
        let [LogEntry::StartTime(logged), intervals @ ..] = &entries[..] else {
            panic!("{entries:?}")
        };
        assert_eq!(*logged, Duration::from_millis(1_700_000_000_250));
        assert_eq!(intervals.len(), pieces.len());
        for ((second, piece), entry) in (0..).zip(&pieces).zip(intervals) {
            let LogEntry::Interval(interval) = entry else { panic!("{entry:?}") };
            assert_eq!(interval.start_timestamp(), Duration::from_secs(second));
            assert_eq!(interval.duration(), Duration::from_secs(1));
            let logged = distribution::decode(interval.encoded_histogram()).unwrap();
            assert_eq!(&logged, piece);
            assert!((interval.max() - piece.max() as f64 / 1e6).abs() < 0.001);
        }
    }

    #[test]
    fn the_head_is_as_other_tools_expect_it() {
        let mut text = vec![];
        HdrLog::new(&mut text, SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "#[Histogram log format version 1.3]\n\
             #[StartTime: 1.000 (seconds since epoch), 1970-01-01T00:00:01.000Z]\n\
             \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
             \"Interval_Compressed_Histogram\"\n"
        );
    }
}
