//! Writes every single latency as text, so that users can calculate other figures.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The first line of the file.
const LEGEND: &str = "connection,due_ns,sent_ns,back_ns\n";

/// Number of bytes that a thread collects before it writes them to the file.
const CHUNK_LEN: usize = 64 * 1024;

/// A file with a line for each measured message that came back. A line has the connection's number and
/// the times when the message was due, sent, and back, in nanoseconds since the run was prepared.
#[derive(Debug)]
pub struct SamplesFile {
    path: PathBuf,
    file: Mutex<(File, io::Result<()>)>,
}

impl SamplesFile {
    /// Creates the file.
    ///
    /// # Errors
    /// A sentence, if the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path);
        let file = file.map_err(|error| format!("create {}: {error}", path.display()))?;
        let samples = Self { path: path.to_owned(), file: Mutex::new((file, Ok(()))) };
        samples.write(LEGEND);
        Ok(samples)
    }

    /// Checks that everything was written.
    ///
    /// # Errors
    /// A sentence with the first failed write. The file is then incomplete.
    pub fn finish(&self) -> Result<(), String> {
        let file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        file.1.as_ref().copied().map_err(|error| format!("write {}: {error}", self.path.display()))
    }

    fn write(&self, lines: &str) {
        let mut file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if file.1.is_ok() {
            file.1 = file.0.write_all(lines.as_bytes());
        }
    }
}

/// Collects the lines of one thread and writes them to the file in large pieces.
#[derive(Debug)]
pub(crate) struct SamplesWriter<'a> {
    samples: &'a SamplesFile,
    lines: String,
}

impl<'a> SamplesWriter<'a> {
    pub(crate) fn new(samples: &'a SamplesFile) -> Self {
        Self { samples, lines: String::with_capacity(CHUNK_LEN + 256) }
    }

    /// Writes `count` lines with these times.
    pub(crate) fn note(&mut self, connection: u64, times_ns: [u64; 3], count: u64) {
        let [due_ns, sent_ns, back_ns] = times_ns;
        for _ in 0..count {
            // Writing to memory does not fail.
            let _ = writeln!(self.lines, "{connection},{due_ns},{sent_ns},{back_ns}");
            if self.lines.len() >= CHUNK_LEN {
                self.hand_over();
            }
        }
    }

    fn hand_over(&mut self) {
        self.samples.write(&self.lines);
        self.lines.clear();
    }
}

impl Drop for SamplesWriter<'_> {
    fn drop(&mut self) {
        self.hand_over();
    }
}
