//! A TCP echo server on a hand-rolled event loop, without an async runtime.
//!
//! Every byte comes back exactly once, in order and unaltered. A line comes back as soon as it is
//! complete. The memory of a connection is bounded, because the server does not read from a peer that
//! does not read its echo. When the server stops, it first echoes every byte that has arrived.
//!
//! ```text
//!  caller of run ──── reports the throughput, joins
//!      │
//!      ├─ acceptor    poll → accept a batch → fewest connections first → send → wake
//!      │     │ │
//!      │     │ └────── bounded channel ──┐            ▲ room: "one was adopted, or closed"
//!      │     └─── bounded channel ──┐    │            │
//!      ├─ worker-0    poll → mark → drive (budgeted) → mail → sweep
//!      └─ worker-1    poll → mark → drive (budgeted) → mail → sweep
//! ```
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{Shutdown, TcpStream};
//! use echo_server::{Config, Server};
//!
//! let server = Server::bind(Config { address: ([127, 0, 0, 1], 0).into(), ..Config::default() })?;
//! let (address, handle) = (server.local_addr(), server.handle());
//! let running = std::thread::spawn(|| server.run());
//!
//! let mut stream = TcpStream::connect(address)?;
//! stream.write_all(b"hello\nworld")?;
//! stream.shutdown(Shutdown::Write)?;
//! let mut echo = String::new();
//! stream.read_to_string(&mut echo)?;
//! assert_eq!(echo, "hello\nworld");
//!
//! handle.shutdown();
//! let summary = running.join().unwrap()?;
//! assert!(summary.all_delivered());
//! assert_eq!(summary.stats.messages, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acceptor;
mod config;
mod connection;
mod echo;
mod error;
mod limits;
#[cfg(any(feature = "counts", fuzzing, loom, test))]
#[doc(hidden)]
pub mod proof;
mod records;
mod seams;
mod server;
mod stats;
mod system;
mod threads;
mod worker;

pub use config::Config;
pub use echo::Framing;
pub use error::ServerError;
pub use server::{Handle, Server, Summary};
pub use stats::Stats;
