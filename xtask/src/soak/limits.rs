//! The limits of the server under soak.

use std::time::Duration;

/// The server's idle timeout. It is far longer than any stop of the server.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The server's limit on lines. It is small, so that longer lines are common and the limit on memory is
/// tight.
pub(super) const MAX_LINE_LENGTH: usize = 16 * 1024;
