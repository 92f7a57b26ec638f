//! The truth of the load tester: it runs against servers that are honest, slow or broken, or that lie.
//! Its reports are compared with what the servers know about themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod accounts;
mod agents;
mod corruption;
mod delays;
mod flood;
mod honest;
mod liars;
mod limits;
mod load;
mod omission;
mod scripted;
mod silence;
mod sound;
mod stops;
#[cfg(target_os = "linux")]
mod verdicts;
