//! The log of every program: one record per line on stderr, `TIME [LEVEL] message`, in UTC.

use std::io;

use log::LevelFilter;
use simplelog::{ConfigBuilder, LevelPadding, WriteLogger};

use crate::log_writer::LogWriter;

/// Sends every record up to `level` to stderr. The program goes on if stderr is stuck or closed.
///
/// # Errors
/// A sentence when the log's thread cannot start, or when the process already has a logger.
pub fn init(level: LevelFilter) -> Result<(), String> {
    init_without(level, None)
}

/// Like [`init`], but without the records of the crate with this name.
///
/// # Errors
/// Those of [`init`].
pub fn init_without(level: LevelFilter, silent: Option<&'static str>) -> Result<(), String> {
    let mut config = ConfigBuilder::new();
    if let Some(name) = silent {
        config.add_filter_ignore_str(name);
    }
    let config = config
        .set_time_format_rfc3339()
        .set_level_padding(LevelPadding::Right)
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build();
    let writer =
        LogWriter::spawn(io::stderr()).map_err(|error| format!("start the log: {error}"))?;
    WriteLogger::init(level, config, writer).map_err(|error| format!("start the log: {error}"))
}

/// Waits until all records so far are written, for two seconds at most. Call this immediately before
/// the process ends.
pub fn flush() {
    log::logger().flush();
}

/// Parses a level name in any case, for a command line.
///
/// # Errors
/// A sentence for the user that lists the levels.
pub fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "expected OFF, ERROR, WARN, INFO, DEBUG or TRACE".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_parse_in_any_case() {
        for text in ["off", "ERROR", "Warn", "iNFO", "DEBUG", "trace"] {
            assert!(level(text).is_ok(), "{text}");
        }
        assert!(level("loud").is_err());
    }
}
