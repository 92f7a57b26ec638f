//! A blocking client that sends lines to an echo server and verifies every byte of the replies.
//!
//! [`Client`] is one connection. [`run`] is the work of the `client` program, with many connections.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::net::TcpListener;
//! use std::thread;
//! use std::time::Duration;
//!
//! use echo_client::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = thread::spawn(move || -> io::Result<()> {
//!     let (mut stream, _) = listener.accept()?;
//!     let mut buffer = [0; 1024];
//!     loop {
//!         match stream.read(&mut buffer)? {
//!             0 => return Ok(()),
//!             received => stream.write_all(&buffer[..received])?,
//!         }
//!     }
//! });
//!
//! let mut client = Client::connect(address, Duration::from_secs(10))?;
//! client.echo(b"hello world")?; // sends "hello world\n" and compares the reply
//! client.finish()?; // checks that the server ends the connection without another byte
//! # server.join().map_err(|_| "the server panicked")??;
//! # Ok(())
//! # }
//! ```
//!
//! No module knows the modules to its left:
//!
//! ```text
//! main ── args, run ─┬─ input    passes standard input to every client
//!                    ├─ output   writes the replies to standard output
//!                    ├─ report   totals, throughput, summary
//!                    └─ client ─┬─ connect    tries the addresses in turn
//!                               └─ exchange ─┬─ socket   reads and writes that keep a deadline
//!                                            └─ reply    compares received and sent bytes; pure
//! ```

mod client;
mod connect;
mod deadline;
mod error;
mod exchange;
mod input;
mod line;
mod output;
mod reply;
mod report;
pub mod run;
mod socket;

pub use client::Client;
pub use connect::resolve;
pub use error::{ClientError, ClientErrorKind};
pub use line::Line;
