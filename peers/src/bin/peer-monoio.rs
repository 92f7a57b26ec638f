//! An echo server on monoio: a runtime a worker, on io_uring where the kernel has it.

use std::io;
use std::net;
use std::process::ExitCode;

use echo_peers::{Args, on_each_worker, run};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{FusionDriver, RuntimeBuilder};

fn main() -> ExitCode {
    run(|args| on_each_worker(args, serve))
}

fn serve(args: Args, listener: net::TcpListener) -> io::Result<()> {
    let mut runtime = RuntimeBuilder::<FusionDriver>::new().build()?;
    runtime.block_on(accept(listener, args.buffer_size))
}

async fn accept(listener: net::TcpListener, buffer_len: usize) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            monoio::spawn(echo(stream, buffer_len));
        }
    }
}

async fn echo(mut stream: TcpStream, buffer_len: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer_len);
    loop {
        let received;
        (received, buffer) = stream.read(buffer).await;
        if received? == 0 {
            return Ok(());
        }
        let sent;
        (sent, buffer) = stream.write_all(buffer).await;
        sent?;
        buffer.clear();
    }
}
