//! The echo rule in one sentence: a byte is due when it ends a line, or a piece of the longest
//! length, or at once where nothing waits for a line.

use crate::echo::Framing;

/// How many of all the bytes that came are to be back before the peer's end.
pub(super) fn due_len(framing: Framing, max_line_length: usize, bytes: &[u8]) -> usize {
    let mut due = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if framing == Framing::Raw || *byte == b'\n' || index + 1 - due == max_line_length {
            due = index + 1;
        }
    }
    due
}
