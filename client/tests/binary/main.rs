//! Tests the `client` program as a user runs it, against small scripted servers.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod failures;
mod flags;
mod harness;
mod input;
mod large;
mod many;
mod output;
mod replies;
mod servers;
mod signals;
