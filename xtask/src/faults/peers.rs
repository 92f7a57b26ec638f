//! The other ends: peers that compare every byte, and may find that their connection has ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;

use echo_server::Config;
use echo_tests::content::Content;
use echo_tests::peer::{assert_same, connect, drain, send};
use echo_tests::random::Random;

/// Longer than a read of the server: the line is held, then sent with its end in one `writev`.
const LONG_LINE_LEN: usize = Config::MAX_READ_LEN + 6_000;

/// The server's setting for it.
pub(super) const LONG_LINES: [&str; 2] = ["--max-line-length", "512KiB"];

/// Peers that all at once send `len` bytes each, receive them again, and see the connection's end.
///
/// # Panics
/// When a byte is missing or different.
#[track_caller]
pub(super) fn crowd(address: SocketAddr, peers: usize, len: usize) -> String {
    thread::scope(|scope| {
        for _ in 0..peers {
            let content = content();
            scope.spawn(move || there_and_back(&connect(address), content, len));
        }
    });
    format!("{peers} peers, {} bytes", peers * len)
}

fn there_and_back(stream: &TcpStream, content: Content, len: usize) {
    thread::scope(|scope| {
        scope.spawn(|| {
            send(stream, content.bytes(len));
            stream.shutdown(Shutdown::Write).expect("the connection lives");
        });
        assert_eq!(drain(stream, content), len, "bytes came back");
    });
}

/// Content of its own; the seed is printed once.
fn content() -> Content {
    static RANDOM: LazyLock<Mutex<Random>> = LazyLock::new(Mutex::default);
    Content::new(&mut RANDOM.lock().unwrap())
}

/// Random bytes, and the newline.
pub(super) fn long_line() -> Vec<u8> {
    let mut line = content().bytes(LONG_LINE_LEN);
    line.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    line.push(b'\n');
    line
}

/// Sends a message and receives it again. Returns false when the connection ends instead.
///
/// # Panics
/// When something else comes back, or neither that nor the end in time.
#[track_caller]
pub(super) fn is_echoed(mut stream: &TcpStream, message: &[u8]) -> bool {
    let mut received = vec![];
    let end = stream
        .write_all(message)
        .and_then(|()| stream.take(message.len() as u64).read_to_end(&mut received));
    assert_same(&received, &message[..received.len()]);
    match end.map_err(|error| error.kind()) {
        Ok(_) => received.len() == message.len(),
        Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => false,
        Err(kind) => panic!("neither the echo nor the end: {kind}"),
    }
}
