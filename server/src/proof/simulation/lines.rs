//! The line machine and what it holds, without a connection around them: any sequence of chunks
//! that come and of bytes that are taken.

use std::num::NonZeroUsize;

use super::dice::Dice;
use super::oracle::due_len;
use crate::connection::spill::Spill;
use crate::echo::{Echo, Framing};

/// Operations of one sequence.
const MAX_OPERATIONS: usize = 100;

struct Lines {
    framing: Framing,
    max_line_length: usize,
    spill: Spill,
    received: Vec<u8>,
    sent: Vec<u8>,
}

/// Plays one sequence of operations; whatever is not as promised panics.
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
    /// As a connection does: what is due goes out from the chunk, the rest is held.
    fn receive(&mut self, dice: &mut Dice) {
        let chunk: Vec<u8> = (0..dice.below(20)).map(|_| dice.pick(b"ab\n")).collect();
        self.received.extend(&chunk);
        let max_line_length = NonZeroUsize::new(self.max_line_length).unwrap();
        let echo = Echo::new(self.framing, max_line_length);
        let held = self.spill.tail().to_vec();
        let (due, rest) = chunk.split_at(echo.due_len(held.len(), &chunk));
        let all = if due.is_empty() { vec![] } else { [&held, due].concat() };
        let taken = dice.below(all.len() + 1);
        self.sent.extend(&all[..taken]);
        self.spill.keep(taken, due, rest, self.max_line_length + chunk.len());
    }

    fn send(&mut self, dice: &mut Dice) {
        let taken = dice.below(self.spill.due().len() + 1);
        self.sent.extend(&self.spill.due()[..taken]);
        self.spill.consume(taken);
    }

    fn check(&self) {
        let due = due_len(self.framing, self.max_line_length, &self.received);
        assert_eq!(self.sent, self.received[..self.sent.len()], "sent");
        assert_eq!(self.spill.due(), &self.received[self.sent.len()..due], "due");
        assert_eq!(self.spill.tail(), &self.received[due..], "the unfinished line");
        assert!(self.spill.tail().len() < self.max_line_length, "holds a longest line");
    }

    fn finish(mut self) {
        self.spill.finish_tail();
        self.sent.extend(self.spill.due());
        assert_eq!(self.sent, self.received, "all that came goes back");
    }
}
