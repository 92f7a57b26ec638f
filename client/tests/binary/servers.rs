//! Small scripted servers with one thread per connection. They end with the test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::harness::DEADLINE;

/// Size of the socket buffers: a long message does not fit, but the loopback interface does not stall.
const BUFFER_LEN: usize = 256 * 1024;

/// Listens on a free port, and runs `script` with each connection. The second argument of `script` is the
/// number of the connection, from 0.
pub(crate) fn serve(script: impl Fn(TcpStream, usize) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    serve_on(listener, script)
}

pub(crate) fn serve_on(
    listener: TcpListener,
    script: impl Fn(TcpStream, usize) + Clone + Send + 'static,
) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    // Accepted sockets inherit these sizes.
    let socket = SockRef::from(&listener);
    socket.set_recv_buffer_size(BUFFER_LEN).unwrap();
    socket.set_send_buffer_size(BUFFER_LEN).unwrap();
    socket.listen(4096).unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream.set_write_timeout(Some(DEADLINE)).unwrap();
            let script = script.clone();
            thread::spawn(move || script(stream, number));
        }
    });
    address
}

/// Sends each line back once it is complete, and no byte before.
pub(crate) fn line_echo(stream: TcpStream, _: usize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let line = next_line(&mut reader);
        if line.is_empty() || stream.write_all(&line).is_err() {
            return;
        }
    }
}

/// Sends received bytes back at once, and does not read until they are sent.
pub(crate) fn raw_echo(mut stream: TcpStream, _: usize) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(received @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..received]).is_err() {
            return;
        }
    }
}

/// Returns the bytes up to and including the next newline. Returns fewer at the end of the stream, and
/// none after a failure.
pub(crate) fn next_line(reader: &mut impl BufRead) -> Vec<u8> {
    let mut line = Vec::new();
    let _ = reader.read_until(b'\n', &mut line);
    line
}

/// Answers the first line with `reply`, and reads to the end.
pub(crate) fn answer(reply: &'static [u8]) -> SocketAddr {
    serve(move |mut stream, _| {
        next_line(&mut BufReader::new(&stream));
        stream.write_all(reply).unwrap();
        read_to_end(&mut stream);
    })
}

/// Reads the first line, sends `reply`, and closes at once.
pub(crate) fn answer_and_close(reply: &'static [u8]) -> SocketAddr {
    serve(move |mut stream, _| {
        next_line(&mut BufReader::new(&stream));
        stream.write_all(reply).unwrap();
    })
}

/// Sends the first line back and finishes. Reads to the end, because closing with unread bytes would
/// reset the connection.
pub(crate) fn answer_one_and_finish(mut stream: TcpStream, _: usize) {
    stream.write_all(&next_line(&mut BufReader::new(&stream))).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_to_end(&mut stream);
}

pub(crate) fn read_to_end(stream: &mut TcpStream) {
    let _ = std::io::copy(stream, &mut std::io::sink());
}

/// Closes so that the peer gets a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Returns an address that refuses connections, and the socket that reserves the address.
pub(crate) fn refused() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// Starts an echo server that sends all received bytes of each connection to the returned channel, at
/// the end of the connection.
pub(crate) fn recording_echo() -> (SocketAddr, Receiver<Vec<u8>>) {
    let (sender, receiver) = channel();
    let address = serve(move |mut stream, _| {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        while let Ok(received @ 1..) = stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..received]);
            stream.write_all(&buffer[..received]).unwrap();
        }
        let _ = sender.send(all);
    });
    (address, receiver)
}
