//! One connection. It compares every byte, and counts bytes and messages as the server does.

use std::io::{Read, Write};
use std::iter::Sum;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::{Add, AddAssign};
use std::thread;
use std::time::Duration;

use echo_tests::content::Content;
use echo_tests::peer::{self, assert_same};
use echo_tests::random::Random;
use socket2::SockRef;

use super::source::connect_from;

/// Number of bytes that are written or read at once.
const CHUNK_LEN: usize = 64 * 1024;

/// The echo that came back and was right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Echoed {
    pub(crate) bytes: u64,
    /// Number of lines. An unterminated line at the end of a stream counts too.
    pub(crate) messages: u64,
}

impl Add for Echoed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, messages: self.messages + other.messages }
    }
}

impl AddAssign for Echoed {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Echoed {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// An open connection. All methods panic if the server breaks a promise.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    echoed: Echoed,
    /// Whether the last byte was not a newline.
    in_line: bool,
}

impl Session {
    /// Connects from the loopback address with this number.
    #[track_caller]
    pub(crate) fn connect(server: SocketAddr, source: u8) -> Self {
        let stream = connect_from(source, server);
        Self { stream, echoed: Echoed::default(), in_line: false }
    }

    /// Sends bytes. The caller must receive the echo later.
    #[track_caller]
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        peer::send(&self.stream, bytes);
    }

    /// Receives exactly these bytes.
    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        peer::expect(&self.stream, &bytes);
        self.count(bytes.as_ref());
    }

    /// Sends bytes that end in a newline, and receives the echo.
    #[track_caller]
    pub(crate) fn echo(&mut self, bytes: impl AsRef<[u8]>) {
        self.send(&bytes);
        self.expect(bytes);
    }

    /// Sends `len` random bytes and a newline, and receives the echo at the same time.
    #[track_caller]
    pub(crate) fn exchange(&mut self, random: &mut Random, len: usize) {
        self.exchange_with(Content::new(random), len, |_| {});
    }

    /// Like [`exchange`](Self::exchange), but pauses after each read.
    #[track_caller]
    pub(crate) fn exchange_slowly(&mut self, random: &mut Random, len: usize, pause: Duration) {
        self.exchange_with(Content::new(random), len, |_| thread::sleep(pause));
    }

    fn exchange_with(&mut self, content: Content, len: usize, after_each: impl Fn(usize)) {
        let stream = self.stream.try_clone().unwrap();
        thread::scope(|scope| {
            let _end = EndOnPanic(&stream);
            scope.spawn(|| {
                let _end = EndOnPanic(&stream);
                send_content(&stream, content, len);
                peer::send(&stream, "\n");
            });
            self.receive(content, len, after_each);
            self.expect("\n");
        });
    }

    /// Receives the first `len` bytes of `content`.
    #[track_caller]
    fn receive(&mut self, content: Content, len: usize, after_each: impl Fn(usize)) {
        let mut chunk = vec![0; CHUNK_LEN.min(len)];
        let mut received = 0;
        while received < len {
            let room = chunk.len().min(len - received);
            let read = self.stream.read(&mut chunk[..room]).expect("the server echoes");
            assert_ne!(read, 0, "the server closes after {received} of {len} bytes");
            content.check(received, &chunk[..read]);
            self.count(&chunk[..read]);
            received += read;
            after_each(received);
        }
    }

    /// Sends random bytes and reads nothing, until the server takes no more. Returns the content and the
    /// number of bytes sent.
    #[track_caller]
    pub(crate) fn stuff(&self, random: &mut Random) -> (Content, usize) {
        const TOO_MANY: usize = 64 << 20;
        let content = Content::new(random);
        // A small buffer on the peer's side, because the check is about the server's memory.
        SockRef::from(&self.stream).set_recv_buffer_size(CHUNK_LEN).unwrap();
        (content, peer::stuff(&self.stream, content, TOO_MANY))
    }

    /// Reads the whole echo after [`stuff`](Self::stuff), up to the end of the stream.
    #[track_caller]
    pub(crate) fn unstuff(mut self, (content, len): (Content, usize)) -> Echoed {
        self.half_close();
        self.receive(content, len, |_| {});
        self.expect_end("")
    }

    /// Resets the connection in mid-transfer: sends `len` random bytes, and first compares a part of the
    /// echo.
    #[track_caller]
    pub(crate) fn reset_amid(mut self, random: &mut Random, len: usize) -> Echoed {
        let content = Content::new(random);
        send_content(&self.stream, content, len);
        self.receive(content, random.up_to(len / 2), |_| {});
        self.reset()
    }

    /// Resets the connection.
    pub(crate) fn reset(self) -> Echoed {
        peer::reset(self.stream);
        self.echoed
    }

    /// Finishes the sending side.
    #[track_caller]
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection lives");
    }

    /// Finishes the sending side. Exactly `rest` must arrive, then the end of the stream.
    #[track_caller]
    pub(crate) fn finish(self, rest: impl AsRef<[u8]>) -> Echoed {
        self.half_close();
        self.expect_end(rest)
    }

    /// Finishes several connections at once. The server must owe nothing to any of them.
    #[track_caller]
    pub(crate) fn finish_all(sessions: Vec<Self>) -> Echoed {
        sessions.iter().for_each(Self::half_close);
        sessions.into_iter().map(|session| session.expect_end("")).sum()
    }

    /// Receives the end of the stream. Exactly `rest` must arrive before it.
    #[track_caller]
    pub(crate) fn expect_end(mut self, rest: impl AsRef<[u8]>) -> Echoed {
        assert_same(&peer::rest(&self.stream), rest.as_ref());
        self.count(rest.as_ref());
        self.echoed.messages += u64::from(self.in_line);
        self.echoed
    }

    /// Closes the connection without waiting for the server's end. The caller has received the whole
    /// echo.
    pub(crate) fn close(self) -> Echoed {
        self.echoed
    }

    /// Sends random bytes without end, and always leaves the last byte that has arrived unread. If the
    /// process is killed, the unread byte makes the kernel reset the connection.
    pub(crate) fn exchange_for_ever(self, content: Content, mut progress: impl FnMut(usize)) -> ! {
        // The packet with the unread byte occupies a part of the buffer. The rest must have room for
        // another packet.
        SockRef::from(&self.stream).set_recv_buffer_size(1 << 20).unwrap();
        let sending = self.stream.try_clone().unwrap();
        thread::spawn(move || send_content(&sending, content, usize::MAX));
        let mut stream = &self.stream;
        let mut chunk = vec![0; CHUNK_LEN];
        let mut received = 0;
        loop {
            match stream.peek(&mut chunk).expect("the server echoes") {
                0 => panic!("the server closes after {received} bytes"),
                1 => thread::yield_now(),
                available => {
                    let chunk = &mut chunk[..available - 1];
                    stream.read_exact(chunk).unwrap();
                    content.check(received, chunk);
                    received += chunk.len();
                    progress(received);
                }
            }
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        self.echoed.bytes += bytes.len() as u64;
        self.echoed.messages += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.in_line = bytes.last().map_or(self.in_line, |&last| last != b'\n');
    }
}

#[track_caller]
fn send_content(mut stream: &TcpStream, content: Content, len: usize) {
    let mut chunk = vec![0; CHUNK_LEN.min(len)];
    let mut sent = 0;
    while sent < len {
        let chunk = &mut chunk[..CHUNK_LEN.min(len - sent)];
        content.fill(sent, chunk);
        stream.write_all(chunk).expect("the server reads");
        sent += chunk.len();
    }
}

/// Shuts the connection down on a panic, so that the thread of the other direction fails at once and not
/// only at its deadline.
struct EndOnPanic<'a>(&'a TcpStream);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.shutdown(Shutdown::Both);
        }
    }
}
