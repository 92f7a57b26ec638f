//! What the echo programs share: the units of their command lines, logging, the stop signal,
//! descriptor limits, CPUs, scheduling, a socket's system calls, escaped text and the throughput
//! meter.
//!
//! Nothing in this crate knows what an echo is.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use echo_common::throughput::{Meter, Totals};
//!
//! assert_eq!(echo_common::units::size("64KiB"), Ok(65_536));
//! assert_eq!(echo_common::units::duration("500ms"), Ok(Duration::from_millis(500)));
//!
//! let start = Instant::now();
//! let mut meter = Meter::new(start);
//! let rates = meter.rates(start + Duration::from_secs(2), Totals { messages: 10, bytes: 640 });
//! assert_eq!((rates.messages_per_s, rates.bytes_per_s), (5.0, 320.0));
//! ```

pub mod command_line;
pub mod cpus;
pub mod descriptors;
pub mod escape;
mod log_writer;
pub mod logging;
pub mod scheduling;
pub mod signal;
pub mod socket;
pub mod throughput;
pub mod units;

/// Default address on which the server listens and to which the client connects.
pub const DEFAULT_IP: &str = "127.0.0.1";

/// Default port of both programs.
pub const DEFAULT_PORT: u16 = 9000;
