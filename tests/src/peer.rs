//! The other end of a connection: a plain socket whose reads and writes have deadlines.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::content::Content;
use crate::wait::DEADLINE;

/// How long a write may make no progress before it counts as refused: the server does not read.
const REFUSAL: Duration = Duration::from_millis(500);

/// Connects to a server. Every read and write of the stream has the [`DEADLINE`].
///
/// # Panics
/// When the server does not answer in time.
#[must_use]
#[track_caller]
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("the server answers");
    with_deadlines(&stream);
    stream
}

/// Connects like [`connect`], with a receive buffer of `len` bytes.
///
/// # Panics
/// When the server does not answer in time.
#[must_use]
#[track_caller]
pub fn connect_with_buffer(address: SocketAddr, len: usize) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(len).unwrap();
    socket.connect_timeout(&address.into(), DEADLINE).expect("the server answers");
    let stream = socket.into();
    with_deadlines(&stream);
    stream
}

/// Gives every read and write of the stream the [`DEADLINE`], and turns on `TCP_NODELAY`.
///
/// # Panics
/// When the system refuses.
pub fn with_deadlines(stream: &TcpStream) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
}

/// Sends bytes.
///
/// # Panics
/// When the server does not take them in time.
#[track_caller]
pub fn send(mut stream: &TcpStream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).expect("the server reads");
}

/// Receives exactly these bytes.
///
/// # Panics
/// When other bytes arrive, or too few in time.
#[track_caller]
pub fn expect(mut stream: &TcpStream, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    let mut received = vec![0; bytes.len()];
    stream.read_exact(&mut received).expect("the server echoes");
    assert_same(&received, bytes);
}

/// Sends bytes, and then receives the same bytes.
///
/// # Panics
/// When other bytes arrive, or too few in time.
#[track_caller]
pub fn echo(stream: &TcpStream, bytes: impl AsRef<[u8]>) {
    send(stream, &bytes);
    expect(stream, bytes);
}

/// Sends one short line and receives it again.
///
/// # Panics
/// When the server does not return the line in time.
#[track_caller]
pub fn ping(stream: &TcpStream) {
    echo(stream, "ping\n");
}

/// Sends bytes and receives the same bytes at the same time. There may be more of them than the
/// buffers between the two ends hold.
///
/// # Panics
/// When other bytes arrive, or too few in time.
#[track_caller]
pub fn exchange(stream: &TcpStream, bytes: &[u8]) {
    thread::scope(|scope| {
        scope.spawn(|| send(stream, bytes));
        expect(stream, bytes);
    });
}

/// Finishes the sending side, and returns all bytes until the server finishes its side.
///
/// # Panics
/// When the connection breaks.
#[must_use]
#[track_caller]
pub fn finish(stream: &TcpStream) -> Vec<u8> {
    stream.shutdown(Shutdown::Write).expect("the connection lives");
    rest(stream)
}

/// Returns all bytes until the server finishes its side.
///
/// # Panics
/// When the connection breaks.
#[must_use]
#[track_caller]
pub fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut received = vec![];
    stream.read_to_end(&mut received).expect("the server finishes, and does not reset");
    received
}

/// Resets the connection.
///
/// # Panics
/// When the system refuses.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Checks that the connection is open and that no byte has arrived.
///
/// # Panics
/// When a byte or the end of the stream has arrived.
#[track_caller]
pub fn expect_silence(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let result = stream.read(&mut [0; 16]);
    stream.set_nonblocking(false).unwrap();
    let kind = result.as_ref().map_err(io::Error::kind);
    assert_eq!(kind, Err(ErrorKind::WouldBlock), "no byte and no end was due");
}

/// Sends content without reading, until the server takes no more. Returns the number of bytes that
/// were taken, including those in the buffers of the system.
///
/// # Panics
/// When `too_many` bytes are taken, or the connection breaks.
#[must_use]
#[track_caller]
pub fn stuff(stream: &TcpStream, content: Content, too_many: usize) -> usize {
    let (sent, end) = stuff_until_refused(stream, content, too_many);
    assert_eq!(end, ErrorKind::WouldBlock, "after {sent} bytes");
    sent
}

/// Sends content without reading, until the server takes no more or ends the connection.
///
/// # Panics
/// When `too_many` bytes are taken.
#[track_caller]
pub fn stuff_until_broken(stream: &TcpStream, content: Content, too_many: usize) {
    stuff_until_refused(stream, content, too_many);
}

#[track_caller]
fn stuff_until_refused(
    mut stream: &TcpStream,
    content: Content,
    too_many: usize,
) -> (usize, ErrorKind) {
    stream.set_write_timeout(Some(REFUSAL)).unwrap();
    let mut chunk = vec![0; 256 * 1024];
    let mut sent = 0;
    let end = loop {
        content.fill(sent, &mut chunk);
        match stream.write(&chunk) {
            Ok(len) => sent += len,
            Err(error) => break error.kind(),
        }
        assert!(sent < too_many, "the server reads from a peer that does not read: {sent} bytes");
    };
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    (sent, end)
}

/// Receives content up to the end of the stream. Returns the number of bytes.
///
/// # Panics
/// When other bytes arrive, or the connection breaks.
#[must_use]
#[track_caller]
pub fn drain(mut stream: &TcpStream, content: Content) -> usize {
    let mut chunk = vec![0; 256 * 1024];
    let mut received = 0;
    loop {
        match stream.read(&mut chunk).expect("the server finishes, and does not reset") {
            0 => return received,
            len => {
                content.check(received, &chunk[..len]);
                received += len;
            }
        }
    }
}

/// Compares two byte strings. The message of a failure shows only a few bytes of them.
///
/// # Panics
/// When the two differ.
#[track_caller]
pub fn assert_same(received: &[u8], expected: &[u8]) {
    if received != expected {
        let same = received.iter().zip(expected).take_while(|(a, b)| a == b).count();
        let around = |bytes: &[u8]| {
            String::from_utf8_lossy(&bytes[same..bytes.len().min(same + 40)]).into_owned()
        };
        panic!(
            "{} bytes instead of {}; the first {same} are right, then {:?} instead of {:?}",
            received.len(),
            expected.len(),
            around(received),
            around(expected)
        );
    }
}
