//! A client that sends and does not read.

use std::net::{SocketAddr, TcpStream};

use echo_tests::content::Content;
use echo_tests::peer::{connect, drain, stuff};
use echo_tests::random::Random;

/// Number of bytes that the client tries to send: far more than the buffers of the system hold.
const MUCH: usize = 64 << 20;

/// A connection whose peer does not read, so that the server has stopped reading.
pub(crate) struct Stuck {
    pub(crate) stream: TcpStream,
    /// Number of bytes that were taken, including those in the buffers of the system.
    pub(crate) sent: usize,
    content: Content,
}

impl Stuck {
    /// Connects, and sends until the server takes no more.
    #[track_caller]
    pub(crate) fn new(server: SocketAddr) -> Self {
        let content = Content::new(&mut Random::new());
        let stream = connect(server);
        let sent = stuff(&stream, content, MUCH);
        Self { stream, sent, content }
    }

    /// Reads until the server finishes, and compares the bytes. Returns their number.
    #[track_caller]
    pub(crate) fn drain(&self) -> usize {
        drain(&self.stream, self.content)
    }
}
