//! A client program of another project, with its input and its output.
//!
//! The output goes to a file, because it consists of bytes and not of text.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Write};
use std::process::{Command, Stdio};

use echo_tests::peer::assert_same;
use echo_tests::process::{Finished, Process};
use echo_tests::wait::holds_in_time;
use tempfile::NamedTempFile;

/// Number of bytes that a pipe takes without a reader on any Linux.
const MAX_SAID_LEN: usize = 4096;

/// Runs a program that ends by itself after the end of its input. Returns its output.
///
/// # Panics
/// If it does not end, or fails.
#[track_caller]
pub(super) fn converse(mut command: Command, input: &[u8]) -> Vec<u8> {
    let said = NamedTempFile::new().unwrap();
    fs::write(&said, input).unwrap();
    command.stdin(File::open(&said).unwrap());
    let (process, heard) = listening(command);
    expect_success(&process.wait());
    fs::read(&heard).unwrap()
}

/// A program whose input stays open until [`hang_up`](Self::hang_up). It is killed when dropped.
pub(super) struct Bystander {
    process: Process,
    input: PipeWriter,
    heard: NamedTempFile,
}

impl Bystander {
    /// Starts the program.
    #[track_caller]
    pub(super) fn start(mut command: Command) -> Self {
        let (stdin, input) = io::pipe().unwrap();
        command.stdin(stdin);
        let (process, heard) = listening(command);
        Self { process, input, heard }
    }

    /// Writes `bytes` to its input in one piece.
    #[track_caller]
    pub(super) fn say(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= MAX_SAID_LEN, "a pipe may not take {} bytes", bytes.len());
        self.input.write_all(bytes).unwrap();
    }

    /// Waits until its output ends with `end`, and returns the whole output.
    ///
    /// # Panics
    /// If that does not happen in time. The message shows the output.
    #[track_caller]
    pub(super) fn expect_end(&self, end: &[u8]) -> Vec<u8> {
        let mut heard = vec![];
        let comes = holds_in_time(|| {
            heard = fs::read(&self.heard).unwrap();
            heard.ends_with(end)
        });
        if !comes {
            assert_same(&heard, end);
        }
        heard
    }

    /// Closes its input, and waits until the program ends with success.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub(super) fn hang_up(self) {
        drop(self.input);
        expect_success(&self.process.wait());
    }
}

/// Starts the program. Its output goes to the file that is returned.
#[track_caller]
fn listening(mut command: Command) -> (Process, NamedTempFile) {
    let heard = NamedTempFile::new().unwrap();
    command.stdout(heard.reopen().unwrap()).stderr(Stdio::piped());
    (Process::spawn(command), heard)
}

#[track_caller]
fn expect_success(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}
