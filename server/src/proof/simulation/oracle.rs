//! The echo rule, written a second time and as simply as possible, so that the checks do not rely on
//! the code that they check.

use crate::echo::Framing;

/// Returns how many of the `received` bytes are due before the peer finishes its side.
///
/// In raw mode every byte is due at once. In line mode a byte is due once its line has ended, or once
/// the piece of a line that it belongs to has the maximum length.
pub(super) fn due_len(framing: Framing, max_line_length: usize, received: &[u8]) -> usize {
    let mut due = 0;
    for (index, byte) in received.iter().enumerate() {
        if framing == Framing::Raw || *byte == b'\n' || index + 1 - due == max_line_length {
            due = index + 1;
        }
    }
    due
}
