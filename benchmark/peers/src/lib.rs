//! What the echo servers in `src/bin` share: the command line, the listener, and the end.
//!
//! Nothing here knows how bytes are echoed. Each server is what somebody who knows its library would
//! write; what all of them promise is in the README.

mod on_tokio;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;

use clap::Parser;
use echo_common::{descriptors, signal, units};
use nix::sys::signal::{SigSet, Signal};
use socket2::{Domain, Protocol, Socket, Type};

pub use on_tokio::on_tokio;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// The longest line that those take which know lines, without its newline. It is that of our server.
pub const MAX_LINE_LEN: usize = 64 * 1024;

/// What those that have a buffer for each connection read at once at first: a short-lived one would feel
/// more. When that is full, they take one for as much as they are told.
pub const FIRST_BUFFER_LEN: usize = 4 * 1024;

/// The command line of each of them.
#[derive(Debug, Clone, Copy, Parser)]
#[command(about = "A plain echo server, to be measured against")]
pub struct Args {
    /// Where to listen, on 127.0.0.1
    #[arg(long)]
    pub port: u16,
    /// Threads that echo
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: u16,
}

/// The command line of those that say themselves how much they read.
#[derive(Debug, Clone, Copy, Parser)]
pub struct BufferedArgs {
    /// Where, and on how many threads
    #[command(flatten)]
    pub args: Args,
    /// Bytes that are read at once at most
    #[arg(long, default_value = "256KiB", value_parser = buffer_len)]
    pub buffer_size: usize,
}

fn buffer_len(text: &str) -> Result<usize, String> {
    match usize::try_from(units::size(text)?) {
        Ok(len) if len > 0 => Ok(len),
        _ => Err("a buffer holds at least a byte".to_owned()),
    }
}

/// A `main`: serves until it is told to stop, which ends the process with 0 at once, or until
/// `serve` fails, which is said. `A` is [`Args`], or has them and more.
pub fn run<A: Parser>(serve: impl FnOnce(A) -> io::Result<()>) -> ExitCode {
    let args = A::parse();
    descriptors::raise_limit();
    let served = end_on_signals().and_then(|()| serve(args).map_err(|error| error.to_string()));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Nothing can be done when nobody listens.
            let _ = writeln!(io::stderr(), "error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Threads that are started later, and this one, are not interrupted: not all libraries can take it.
fn end_on_signals() -> Result<(), String> {
    signal::on_stop(|_| std::process::exit(0))?;
    let ours: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    ours.thread_block().map_err(|error| format!("block signals: {error}"))
}

/// Calls `serve` with a listener on a thread for each worker. All listeners are there before the first
/// thread starts.
///
/// # Errors
/// When a listener cannot be had, or a worker ended.
pub fn on_each_worker(
    args: Args,
    serve: impl Fn(TcpListener) -> io::Result<()> + Copy + Send + 'static,
) -> io::Result<()> {
    let (sender, ended) = channel();
    for listener in listeners(args)? {
        let sender = sender.clone();
        // Nobody waits for a second one.
        let work = move || drop(sender.send(unless_it_panics(|| serve(listener))));
        thread::Builder::new().spawn(work)?;
    }
    ended.recv().map_err(io::Error::other)?
}

/// What `serve` comes to, so that whoever waits for it hears of a panic too.
///
/// # Errors
/// Its own, and that it panicked.
pub fn unless_it_panics(serve: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let served = catch_unwind(AssertUnwindSafe(serve));
    served.unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
}

/// A listener for each worker, over which the system spreads connections.
///
/// # Errors
/// What was tried, and why it failed.
pub fn listeners(args: Args) -> io::Result<Vec<TcpListener>> {
    (0..args.workers).map(|_| listener(args)).collect()
}

/// A listener that does not block. What it accepts sends at once, without waiting for more: on Linux
/// that is inherited.
///
/// # Errors
/// What was tried, and why it failed.
pub fn listener(args: Args) -> io::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    bind(address, args.workers > 1)
        .map_err(|error| io::Error::new(error.kind(), format!("listen on {address}: {error}")))
}

fn bind(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
