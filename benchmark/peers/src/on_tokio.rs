//! The runtime of the servers on tokio, and their accept loop. Knows nothing of what they do with a
//! connection.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::{Args, listener};

/// Runs `echo` for each connection, in a task of its own, on as many threads as there are workers.
///
/// # Errors
/// When there is no runtime or no listener.
pub fn on_tokio<E, F>(args: Args, echo: E) -> io::Result<()>
where
    E: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = runtime(args)?;
    let _guard = runtime.enter();
    let listener = TcpListener::from_std(listener(args)?)?;
    // Accepts on a worker: this thread would have to hand over each connection to another one.
    let accepting = runtime.spawn(async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream));
            }
        }
    });
    runtime.block_on(accepting).map_err(io::Error::other)
}

/// One thread alone has nobody to share with, and needs no locks and no wake-ups for it.
fn runtime(args: Args) -> io::Result<Runtime> {
    match args.workers {
        1 => Builder::new_current_thread().enable_io().build(),
        workers => Builder::new_multi_thread().worker_threads(workers.into()).enable_io().build(),
    }
}
