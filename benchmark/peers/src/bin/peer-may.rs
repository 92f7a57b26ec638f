//! An echo server on may: a coroutine per connection, and one per worker that accepts.

use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::process::ExitCode;
use std::sync::mpsc::channel;

use echo_peers::{BufferedArgs, FIRST_BUFFER_LEN, listeners, run, unless_it_panics};
use may::go;
use may::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    run(|BufferedArgs { args, buffer_size }| {
        may::config().set_workers(args.workers.into());
        // The measuring program decides which CPUs may be used.
        may::config().set_worker_pin(false);
        let (sender, ended) = channel();
        // The descriptors of the listeners are consecutive. In may 0.3.51 a descriptor modulo the number
        // of workers decides which worker polls it. So each worker has one listener.
        for listener in listeners(args)? {
            // SAFETY: it is a listener, and nothing else owns it.
            let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
            let sender = sender.clone();
            let work = move || unless_it_panics(|| accept(&listener, buffer_size));
            go!(move || drop(sender.send(work())));
        }
        ended.recv().map_err(io::Error::other)?
    })
}

fn accept(listener: &TcpListener, max_buffer_len: usize) -> io::Result<()> {
    loop {
        if let Ok((stream, _)) = listener.accept() {
            go!(move || echo(stream, max_buffer_len));
        }
    }
}

fn echo(mut stream: TcpStream, max_buffer_len: usize) -> io::Result<()> {
    let mut buffer = vec![0; FIRST_BUFFER_LEN.min(max_buffer_len)];
    loop {
        let received = stream.read(&mut buffer)?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..received])?;
        if received == buffer.len() && received < max_buffer_len {
            buffer = vec![0; max_buffer_len];
        }
    }
}
