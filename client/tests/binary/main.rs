//! The `client` program as a user runs it, against small servers of our own.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
