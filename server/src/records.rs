//! The log records of connections and messages. At INFO a worker shows a number of records a second that
//! a person can read, and counts the others. At DEBUG it shows all of them.
//!
//! This module decides what is logged, not when: a connection calls the module at each step of its life.

pub(crate) mod allowance;

use std::fmt;

use echo_common::escape::Escaped;
use log::{Level, LevelFilter, debug, info, log_enabled};
use memchr::memchr;

use self::allowance::Allowance;
use crate::echo::Framing;
use crate::seams::journal::{Closing, Journal, Name};

/// Maximum number of records that each worker shows in a second at INFO.
const MAX_RECORDS_PER_SECOND: u32 = 50;

/// Maximum number of bytes of a message that are shown.
const MAX_TEXT_LEN: usize = 64;

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, received, sent, messages, duration_ms } = self;
        let (seconds, millis) = (duration_ms / 1_000, duration_ms % 1_000);
        write!(f, "reason={} received={received} sent={sent}", reason.name())?;
        write!(f, " messages={messages} duration={seconds}.{millis:03}s")
    }
}

/// One worker's records.
#[derive(Debug)]
pub(crate) struct Records {
    worker: usize,
    framing: Framing,
    allowance: Allowance,
    /// For connections that ended in trouble, so that their records do not get lost among messages.
    trouble_allowance: Allowance,
    not_shown: u64,
}

impl Records {
    pub(crate) fn new(worker: usize, framing: Framing) -> Self {
        let allowance = Allowance::new(MAX_RECORDS_PER_SECOND);
        let trouble_allowance = Allowance::new(MAX_RECORDS_PER_SECOND);
        Self { worker, framing, allowance, trouble_allowance, not_shown: 0 }
    }

    #[cold]
    fn show(&mut self, now_ms: u64, name: Name, mut messages: Messages<'_>, count: u64) {
        let everything = log_enabled!(Level::Debug);
        let mut left = count;
        while left > 0 && (everything || !self.allowance.is_spent(now_ms)) {
            let Some(message) = messages.next() else { return };
            self.record(now_ms, format_args!("message {name} {message}"));
            left -= 1;
        }
        self.not_shown += left;
    }

    fn record(&mut self, now_ms: u64, text: fmt::Arguments<'_>) {
        if log::max_level() < LevelFilter::Info {
            return;
        }
        if self.allowance.take(now_ms) {
            info!("{text}");
        } else if log_enabled!(Level::Debug) {
            debug!("{text}");
        } else {
            self.not_shown += 1;
        }
    }
}

impl Journal for Records {
    fn opened(&mut self, now_ms: u64, name: Name) {
        let worker = self.worker;
        self.record(now_ms, format_args!("connection opened {name} worker={worker}"));
    }

    /// Logs a record for each line, and one for bytes without a newline at the end (a piece of a long
    /// line, the rest at the end of the stream, a chunk in raw framing).
    fn messages(&mut self, now_ms: u64, name: Name, (held, chunk): (&[u8], &[u8]), newlines: u64) {
        if log::max_level() < LevelFilter::Info {
            return;
        }
        let count = match self.framing {
            Framing::Line => newlines + u64::from(!chunk.ends_with(b"\n")),
            Framing::Raw => 1,
        };
        // Under load the allowance is nearly always spent, so it is checked first.
        if self.allowance.is_spent(now_ms) && !log_enabled!(Level::Debug) {
            self.not_shown += count;
        } else {
            self.show(now_ms, name, Messages { framing: self.framing, held, chunk }, count);
        }
    }

    fn closed(&mut self, now_ms: u64, name: Name, closing: &Closing) {
        let worker = self.worker;
        if closing.received == 0 {
            debug!("probe {name} worker={worker} {closing}");
            return;
        }
        let text = format_args!("connection closed {name} worker={worker} {closing}");
        if closing.reason.is_trouble() && self.trouble_allowance.take(now_ms) {
            info!("{text}");
        } else {
            self.record(now_ms, text);
        }
    }

    fn not_shown(&self) -> u64 {
        self.not_shown
    }
}

/// Iterates over the messages in the bytes that are due.
struct Messages<'a> {
    framing: Framing,
    held: &'a [u8],
    chunk: &'a [u8],
}

impl Iterator for Messages<'_> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let end = match self.framing {
            Framing::Line => memchr(b'\n', self.chunk).map_or(self.chunk.len(), |at| at + 1),
            Framing::Raw => self.chunk.len(),
        };
        let (line, rest) = self.chunk.split_at(end);
        let len = self.held.len() + line.len();
        let text = [self.held, line.strip_suffix(b"\n").unwrap_or(line)]
            .into_iter()
            .flat_map(|part| &part[..part.len().min(MAX_TEXT_LEN + 1)])
            .copied()
            .collect();
        (self.held, self.chunk) = (&[], rest);
        (len > 0).then_some(Message { len, text })
    }
}

/// One message, as the log shows it.
struct Message {
    /// Length of the message, with the newline.
    len: usize,
    /// The beginning of the message: one byte more than is shown, if it is longer.
    text: Vec<u8>,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes={} text=\"{}\"", self.len, Escaped::new(&self.text, MAX_TEXT_LEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(framing: Framing, held: &str, chunk: &str) -> Vec<String> {
        Messages { framing, held: held.as_bytes(), chunk: chunk.as_bytes() }
            .map(|message| message.to_string())
            .collect()
    }

    #[test]
    fn each_line_is_a_message_and_the_held_bytes_begin_the_first() {
        assert_eq!(
            shown(Framing::Line, "fo", "o\n\nbar"),
            [r#"bytes=4 text="foo""#, r#"bytes=1 text="""#, r#"bytes=3 text="bar""#]
        );
        assert_eq!(shown(Framing::Raw, "", "a\nb\n"), [r#"bytes=4 text="a\nb""#]);
        assert!(shown(Framing::Line, "", "").is_empty());
    }

    #[test]
    fn a_long_message_is_cut_and_its_length_is_told() {
        let text = "x".repeat(MAX_TEXT_LEN);
        for (held, chunk) in [(text.as_str(), "x\n"), ("", &format!("{text}x\n"))] {
            assert_eq!(shown(Framing::Line, held, chunk), [format!("bytes=66 text=\"{text}…\"")]);
        }
    }
}
