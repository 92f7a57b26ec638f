//! An echo server on monoio: a runtime per worker, on io_uring if the kernel has it.

use std::io;
use std::net;
use std::process::ExitCode;

use echo_peers::{BufferedArgs, FIRST_BUFFER_LEN, on_each_worker, run};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{FusionDriver, RuntimeBuilder};

fn main() -> ExitCode {
    run(|BufferedArgs { args, buffer_size }| {
        on_each_worker(args, move |listener| serve(listener, buffer_size))
    })
}

fn serve(listener: net::TcpListener, max_buffer_len: usize) -> io::Result<()> {
    let mut runtime = RuntimeBuilder::<FusionDriver>::new().build()?;
    runtime.block_on(accept(listener, max_buffer_len))
}

async fn accept(listener: net::TcpListener, max_buffer_len: usize) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            monoio::spawn(echo(stream, max_buffer_len));
        }
    }
}

async fn echo(mut stream: TcpStream, max_buffer_len: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(FIRST_BUFFER_LEN.min(max_buffer_len));
    loop {
        let received;
        (received, buffer) = stream.read(buffer).await;
        if received? == 0 {
            return Ok(());
        }
        let sent;
        (sent, buffer) = stream.write_all(buffer).await;
        sent?;
        let is_short = buffer.len() == buffer.capacity() && buffer.len() < max_buffer_len;
        buffer.clear();
        if is_short {
            buffer.reserve_exact(max_buffer_len);
        }
    }
}
