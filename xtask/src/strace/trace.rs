//! The output of strace: one line per traced system call, thread after thread.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The lines that strace has written so far. The lines of one thread are in order.
#[derive(Debug)]
pub(crate) struct Trace(Vec<String>);

impl Trace {
    /// Reads the files of a directory. Each thread has a file.
    pub(crate) fn read(dir: &Path) -> Self {
        let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.collect();
        files.sort();
        // If a thread is inside a call, its last line is unfinished.
        let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
        Self(texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect())
    }

    /// Returns the lines of one system call: time, arguments, result.
    pub(crate) fn of(&self, call: &str) -> Vec<&str> {
        let is_call = |line: &&str| {
            let called = line.split_once(' ').and_then(|(_, rest)| rest.strip_prefix(call));
            called.is_some_and(|rest| rest.starts_with('('))
        };
        self.0.iter().map(String::as_str).filter(is_call).collect()
    }

    /// Counts the lines of one system call that contain `part`.
    pub(crate) fn count(&self, call: &str, part: &str) -> usize {
        self.of(call).iter().filter(|line| line.contains(part)).count()
    }

    /// Counts, for each system call, how often it has returned.
    pub(crate) fn returned(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for line in self.0.iter().filter(|line| line.contains(" = ")) {
            let called = line.split_once(' ').and_then(|(_, rest)| rest.split_once('('));
            *counts.entry(called.map_or("", |(name, _)| name)).or_default() += 1;
        }
        counts
    }

    /// Counts how often strace made a system call fail.
    pub(crate) fn injected(&self, call: &str) -> usize {
        self.count(call, "(INJECTED)")
    }
}

/// Returns when a call was made, as the time since the epoch.
pub(crate) fn time(line: &str) -> Duration {
    let seconds = line.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or_else(|| panic!("no time in {line}")))
}
