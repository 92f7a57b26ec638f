//! An echo server on tokio: a task a connection.

use std::io;
use std::process::ExitCode;

use echo_peers::{on_tokio, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn main() -> ExitCode {
    run(|args| {
        let buffer_len = args.buffer_size;
        on_tokio(args, move |stream| echo(stream, buffer_len))
    })
}

async fn echo(mut stream: TcpStream, buffer_len: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer_len];
    loop {
        let received = stream.read(&mut buffer).await?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..received]).await?;
    }
}
