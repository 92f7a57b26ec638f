//! The peers, which compare every byte and report if their connection has ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;

use echo_server::Config;
use echo_tests::content::Content;
use echo_tests::peer::{assert_same, connect, drain, send};
use echo_tests::random::Random;

/// Length of a line that is longer than a read of the server. The server holds the beginning, then sends
/// it together with the end in one `writev`.
const LONG_LINE_LEN: usize = Config::MAX_READ_LEN + 6_000;

/// The server's flags for lines of this length.
pub(super) const LONG_LINES: [&str; 2] = ["--max-line-length", "512KiB"];

/// Runs peers that each send `len` bytes at the same time, receive the echo and see the connection's
/// end.
///
/// # Panics
/// If a byte is missing or different.
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
        assert_eq!(drain(stream, content), len, "echoed bytes");
    });
}

/// Returns content that no other peer has. The seed is printed once.
fn content() -> Content {
    static RANDOM: LazyLock<Mutex<Random>> = LazyLock::new(Mutex::default);
    Content::new(&mut RANDOM.lock().unwrap())
}

/// Returns random bytes that end in a newline.
pub(super) fn long_line() -> Vec<u8> {
    let mut line = content().bytes(LONG_LINE_LEN);
    line.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    line.push(b'\n');
    line
}

/// Sends a message and receives its echo. Returns false if the connection ends instead.
///
/// # Panics
/// If the echo is wrong, or if neither the echo nor the end arrives in time.
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
        Err(kind) => panic!("neither the echo nor the end arrived: {kind}"),
    }
}
