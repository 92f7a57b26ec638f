//! An echo server on may: a coroutine a connection.

use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::process::ExitCode;

use echo_peers::{listener, run};
use may::go;
use may::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    run(|args| {
        let buffer_len = args.buffer_size;
        may::config().set_workers(args.workers.into());
        // Whoever measures says what may run where.
        may::config().set_worker_pin(false);
        // SAFETY: it is a listener, and nobody else has it.
        let listener = unsafe { TcpListener::from_raw_fd(listener(args)?.into_raw_fd()) };
        let accepting = go!(move || accept(&listener, buffer_len));
        accepting.join().map_err(|_| io::Error::other("the accept loop panicked"))
    })
}

fn accept(listener: &TcpListener, buffer_len: usize) {
    loop {
        if let Ok((stream, _)) = listener.accept() {
            go!(move || echo(stream, buffer_len));
        }
    }
}

fn echo(mut stream: TcpStream, buffer_len: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer_len];
    loop {
        let received = stream.read(&mut buffer)?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..received])?;
    }
}
