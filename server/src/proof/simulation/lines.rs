//! Tests the line machine and the spill without a connection around them: chunks of any content
//! arrive, and the system takes any number of the bytes that are due.

use std::num::NonZeroUsize;

use super::dice::Dice;
use super::oracle::due_len;
use crate::connection::spill::Spill;
use crate::echo::{Echo, Framing};

/// Maximum number of operations in one sequence.
const MAX_OPERATIONS: usize = 100;

struct Lines {
    framing: Framing,
    max_line_length: usize,
    spill: Spill,
    received: Vec<u8>,
    sent: Vec<u8>,
}

/// Plays one sequence of operations.
///
/// # Panics
/// If the line machine or the spill breaks a promise.
pub(super) fn play(dice: &mut Dice) {
    let mut lines = Lines {
        framing: dice.pick(&[Framing::Line, Framing::Line, Framing::Line, Framing::Raw]),
        max_line_length: dice.pick(&[1, 2, 3, 7, 100]),
        spill: Spill::default(),
        received: vec![],
        sent: vec![],
    };
    for _ in 0..dice.below(MAX_OPERATIONS) {
        if lines.spill.due().is_empty() {
            lines.receive(dice);
        } else {
            lines.send(dice);
        }
        lines.check();
    }
    lines.finish();
}

impl Lines {
    /// Handles a chunk as a connection does: sends what is due, and keeps the rest.
    fn receive(&mut self, dice: &mut Dice) {
        let chunk: Vec<u8> = (0..dice.below(20)).map(|_| dice.pick(b"ab\n")).collect();
        self.received.extend(&chunk);
        let max_line_length = NonZeroUsize::new(self.max_line_length).unwrap();
        let echo = Echo::new(self.framing, max_line_length);
        let held = self.spill.tail().to_vec();
        let (due, rest) = chunk.split_at(echo.due_len(held.len(), &chunk));
        let outgoing = if due.is_empty() { vec![] } else { [&held, due].concat() };
        let sent_len = dice.below(outgoing.len() + 1);
        self.sent.extend(&outgoing[..sent_len]);
        self.spill.keep(sent_len, due, rest, self.max_line_length + chunk.len());
    }

    /// Sends some of the bytes that are due.
    fn send(&mut self, dice: &mut Dice) {
        let sent_len = dice.below(self.spill.due().len() + 1);
        self.sent.extend(&self.spill.due()[..sent_len]);
        self.spill.consume(sent_len);
    }

    fn check(&self) {
        let due = due_len(self.framing, self.max_line_length, &self.received);
        let tail = self.spill.tail();
        assert_eq!(self.sent, self.received[..self.sent.len()], "the bytes that were sent");
        assert_eq!(
            self.spill.due(),
            &self.received[self.sent.len()..due],
            "the bytes that are due"
        );
        assert_eq!(tail, &self.received[due..], "the unfinished line");
        assert!(tail.len() < self.max_line_length, "the unfinished line has the maximum length");
    }

    /// Ends the input and checks that all of it goes back.
    fn finish(mut self) {
        self.spill.finish_tail();
        self.sent.extend(self.spill.due());
        assert_eq!(self.sent, self.received, "all bytes go back in the end");
    }
}
