//! An echo server on tokio: a task a connection.

use std::io;
use std::process::ExitCode;

use echo_peers::{Args, on_tokio, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn main() -> ExitCode {
    run(|args: Args| {
        let buffer_len = args.buffer_size;
        on_tokio(args, move |stream| echo(stream, buffer_len))
    })
}

async fn echo(mut stream: TcpStream, buffer_len: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer_len);
    while stream.read_buf(&mut buffer).await? > 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}
