//! What the echo servers in `src/bin` share: the command line, the listeners, and the end.
//!
//! Nothing here knows how bytes are echoed. The README has the contract of all servers.

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

/// Maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Maximum length of a line without its newline, for the servers for lines. Our server has the same
/// limit.
pub const MAX_LINE_LEN: usize = 64 * 1024;

/// Length of the first buffer of a connection, for servers with a buffer per connection. A longer one
/// would slow down short-lived connections. When it is full, the connection gets a buffer of the full
/// size.
pub const FIRST_BUFFER_LEN: usize = 4 * 1024;

/// The command line of every server.
#[derive(Debug, Clone, Copy, Parser)]
#[command(about = "A plain echo server, to compare ours with")]
pub struct Args {
    /// Port to listen on, on 127.0.0.1
    #[arg(long)]
    pub port: u16,
    /// Number of threads that echo
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: u16,
}

/// The command line of the servers that choose how much they read at once.
#[derive(Debug, Clone, Copy, Parser)]
pub struct BufferedArgs {
    /// The port and the number of threads
    #[command(flatten)]
    pub args: Args,
    /// Maximum number of bytes that are read at once
    #[arg(long, default_value = "256KiB", value_parser = buffer_len)]
    pub buffer_size: usize,
}

fn buffer_len(text: &str) -> Result<usize, String> {
    match usize::try_from(units::size(text)?) {
        Ok(len) if len > 0 => Ok(len),
        _ => Err("a buffer holds at least a byte".to_owned()),
    }
}

/// Runs a server. A stop signal ends the process at once with exit code 0. If `serve` fails, the error
/// is printed. `A` is [`Args`] or contains it.
pub fn run<A: Parser>(serve: impl FnOnce(A) -> io::Result<()>) -> ExitCode {
    let args = A::parse();
    descriptors::raise_limit();
    let served = end_on_signals().and_then(|()| serve(args).map_err(|error| error.to_string()));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Nothing can be done if standard error is closed.
            let _ = writeln!(io::stderr(), "error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Makes stop signals end the process. This thread and later ones are not interrupted by them, because
/// not all libraries handle interrupted calls.
fn end_on_signals() -> Result<(), String> {
    signal::on_stop(|_| std::process::exit(0))?;
    let ours: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    ours.thread_block().map_err(|error| format!("block signals: {error}"))
}

/// Calls `serve` on one thread per worker, each with its own listener. All listeners exist before the
/// first thread starts.
///
/// # Errors
/// If a listener cannot be created, or a worker ended.
pub fn on_each_worker(
    args: Args,
    serve: impl Fn(TcpListener) -> io::Result<()> + Copy + Send + 'static,
) -> io::Result<()> {
    let (sender, ended) = channel();
    for listener in listeners(args)? {
        let sender = sender.clone();
        // Only the first worker that ends is waited for, so later sends may fail.
        let work = move || drop(sender.send(unless_it_panics(|| serve(listener))));
        thread::Builder::new().spawn(work)?;
    }
    ended.recv().map_err(io::Error::other)?
}

/// Calls `serve` and turns a panic into an error.
///
/// # Errors
/// The error of `serve`, or that it panicked.
pub fn unless_it_panics(serve: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let served = catch_unwind(AssertUnwindSafe(serve));
    served.unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
}

/// Returns a listener per worker. The system spreads the connections over them.
///
/// # Errors
/// The address and the reason.
pub fn listeners(args: Args) -> io::Result<Vec<TcpListener>> {
    (0..args.workers).map(|_| listener(args)).collect()
}

/// Returns a listener that does not block. Its connections send without delay, because on Linux they
/// inherit this option.
///
/// # Errors
/// The address and the reason.
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
