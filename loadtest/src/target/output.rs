//! The output of a command that was started. It is always read, so that the command never waits, and its
//! end is kept for an error sentence.

use std::collections::VecDeque;
use std::io::{ErrorKind, PipeReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

/// Maximum number of bytes that are kept.
const MAX_TAIL_LEN: usize = 4 * 1024;

/// How long to wait for the end of the output of a command that ended. One of its children may hold the
/// pipe open for ever.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// The end of the bytes that came through a pipe.
#[derive(Debug)]
pub(super) struct Output {
    tail: Arc<Mutex<VecDeque<u8>>>,
    /// Has no sender when the pipe has been closed.
    closed: Receiver<()>,
}

impl Output {
    /// Reads `pipe` on a thread of its own until it is closed.
    pub(super) fn drain(mut pipe: PipeReader) -> Result<Self, String> {
        let tail = Arc::new(Mutex::new(VecDeque::with_capacity(MAX_TAIL_LEN)));
        let (open, closed) = bounded::<()>(0);
        let written = Arc::clone(&tail);
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                read_all(&mut pipe, &written);
                drop(open);
            })
            .map_err(|error| format!("start a thread for the output of a command: {error}"))?;
        Ok(Self { tail, closed })
    }

    /// Returns the last output of a command that ended, as the end of a sentence. It is harmless for a
    /// terminal.
    pub(super) fn last_words(&self) -> String {
        // Whether the pipe is closed or not, the output so far is reported.
        let _ = self.closed.recv_timeout(LAST_WORDS_TIMEOUT);
        let bytes: Vec<u8> =
            self.tail.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let harmless: String = text
            .chars()
            .map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        match harmless.trim() {
            "" => "; it wrote nothing".to_owned(),
            words => format!("; it wrote:\n{words}"),
        }
    }
}

fn read_all(pipe: &mut PipeReader, tail: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0; MAX_TAIL_LEN];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => {
                keep(&mut tail.lock().unwrap_or_else(PoisonError::into_inner), &buffer[..len]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The writer cannot tell the difference, and nobody else has a use for the error.
            Err(_) => return,
        }
    }
}

/// Appends bytes, and forgets the oldest ones if there are too many.
fn keep(tail: &mut VecDeque<u8>, bytes: &[u8]) {
    tail.extend(bytes);
    let surplus = tail.len().saturating_sub(MAX_TAIL_LEN);
    tail.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};

    use super::*;

    #[test]
    fn everything_is_read_and_the_end_is_kept() {
        let (reader, mut writer) = pipe().expect("a pipe");
        let output = Output::drain(reader).expect("a thread");
        writer.write_all(&vec![b'a'; 1 << 20]).expect("it is read");
        writer.write_all(b"\x1b[2Jlast\n").expect("it is read");
        drop(writer);
        let words = output.last_words();
        assert!(words.starts_with("; it wrote:\naaa") && words.ends_with("a\u{fffd}[2Jlast"));
        assert!(words.len() < MAX_TAIL_LEN + 64, "{}", words.len());
    }

    #[test]
    fn silence_is_told_even_if_the_pipe_stays_open() {
        let (reader, _writer) = pipe().expect("a pipe");
        assert_eq!(Output::drain(reader).expect("a thread").last_words(), "; it wrote nothing");
    }
}
