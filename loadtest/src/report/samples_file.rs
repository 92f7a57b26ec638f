//! Every single latency, as text: for those who want to compute something else from it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The first line.
const LEGEND: &str = "connection,due_ns,sent_ns,back_ns\n";

/// A thread hands over so much at a time.
const CHUNK_LEN: usize = 64 * 1024;

/// A file with a line for each message of the measured part: the connection's number, and when the
/// message was due, sent, and back, in nanoseconds since the run was prepared.
#[derive(Debug)]
pub struct SamplesFile {
    path: PathBuf,
    file: Mutex<(File, io::Result<()>)>,
}

impl SamplesFile {
    /// Makes the file.
    ///
    /// # Errors
    /// A sentence when it cannot be made.
    pub fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path);
        let file = file.map_err(|error| format!("create {}: {error}", path.display()))?;
        let samples = Self { path: path.to_owned(), file: Mutex::new((file, Ok(()))) };
        samples.write(LEGEND);
        Ok(samples)
    }

    /// The first failure, if there was one.
    ///
    /// # Errors
    /// A sentence: not everything is in the file.
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

/// What one thread has for the file, in large pieces.
#[derive(Debug)]
pub(crate) struct SamplesWriter<'a> {
    samples: &'a SamplesFile,
    lines: String,
}

impl<'a> SamplesWriter<'a> {
    pub(crate) fn new(samples: &'a SamplesFile) -> Self {
        Self { samples, lines: String::with_capacity(CHUNK_LEN + 256) }
    }

    /// So many messages had these times.
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
