//! An echo server on tokio: a task per connection.

use std::io;
use std::process::ExitCode;

use echo_peers::{BufferedArgs, FIRST_BUFFER_LEN, on_tokio, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn main() -> ExitCode {
    run(|BufferedArgs { args, buffer_size }| {
        on_tokio(args, move |stream| echo(stream, buffer_size))
    })
}

async fn echo(mut stream: TcpStream, max_buffer_len: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(FIRST_BUFFER_LEN.min(max_buffer_len));
    while stream.read_buf(&mut buffer).await? > 0 {
        stream.write_all(&buffer).await?;
        let is_short = buffer.len() == buffer.capacity() && buffer.len() < max_buffer_len;
        buffer.clear();
        if is_short {
            buffer.reserve_exact(max_buffer_len);
        }
    }
    Ok(())
}
