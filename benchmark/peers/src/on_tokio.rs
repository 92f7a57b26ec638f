//! The runtime and the accept loop of the servers on tokio. Knows nothing about what they do with a
//! connection.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::{Args, listener};

/// Runs `echo` for each connection in a task of its own, on one thread per worker.
///
/// # Errors
/// If the runtime or the listener cannot be created.
pub fn on_tokio<E, F>(args: Args, echo: E) -> io::Result<()>
where
    E: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = runtime(args)?;
    let _guard = runtime.enter();
    let listener = TcpListener::from_std(listener(args)?)?;
    // A worker accepts, because this thread would have to hand over each connection to a worker.
    let accepting = runtime.spawn(async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream));
            }
        }
    });
    runtime.block_on(accepting).map_err(io::Error::other)
}

/// Returns a single-threaded runtime for one worker, because it needs neither locks nor wake-ups.
fn runtime(args: Args) -> io::Result<Runtime> {
    match args.workers {
        1 => Builder::new_current_thread().enable_io().build(),
        workers => Builder::new_multi_thread().worker_threads(workers.into()).enable_io().build(),
    }
}
