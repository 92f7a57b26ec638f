//! The load tester's own truth: it is run against servers that are honest, slow, broken or lie, and
//! what it says of them is compared with what they know they did.

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
