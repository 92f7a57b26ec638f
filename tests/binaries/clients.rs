//! A client that sends and does not read.

use std::net::{SocketAddr, TcpStream};

use echo_tests::content::Content;
use echo_tests::peer::{connect, drain, stuff};
use echo_tests::random::Random;

/// What such a client would like to send: far more than the two systems have room for.
const MUCH: usize = 64 << 20;

/// A connection from which the server takes no more, because its echo is not read.
pub(crate) struct Stuck {
    pub(crate) stream: TcpStream,
    /// How many bytes the server and the systems took.
    pub(crate) sent: usize,
    content: Content,
}

impl Stuck {
    /// Sends until nothing is taken any more.
    #[track_caller]
    pub(crate) fn new(server: SocketAddr) -> Self {
        let content = Content::new(&mut Random::new());
        let stream = connect(server);
        let sent = stuff(&stream, content, MUCH);
        Self { stream, sent, content }
    }

    /// Reads until the server finishes, compares, and returns how many bytes came.
    #[track_caller]
    pub(crate) fn drain(&self) -> usize {
        drain(&self.stream, self.content)
    }
}
