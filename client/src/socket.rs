//! Reads and writes with a deadline. This module knows nothing of lines and replies.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::deadline::Deadline;

/// Maximum number of bytes of one read. Usual replies fit whole, and a client allocates no other large
/// buffer.
const READ_BUFFER_LEN: usize = 32 * 1024;

/// A read may end late by the timeout divided by this number. The tolerance saves system calls: the
/// socket's own timeout is not shortened for a fast reply, and at most this many times for a slow one.
const LATE_PART: u32 = 16;

/// Why reading or writing ended.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The peer finished its side.
    Closed,
    /// The deadline passed.
    TimedOut,
    /// The peer reset the connection.
    Reset,
    /// This side finished.
    Finished,
    /// Another error of the system.
    Other(io::Error),
}

impl Broken {
    fn new(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::Reset,
            io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => Self::Finished,
            _ => Self::Other(error),
        }
    }
}

/// Sends all of `bytes`. The socket's write timeout must be the timeout of the deadline. If the peer
/// takes a few bytes at a time, this may take up to twice the timeout.
pub(crate) fn send(
    mut stream: &TcpStream,
    bytes: &[u8],
    deadline: &Deadline,
) -> Result<(), Broken> {
    let mut unsent = bytes;
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(0) => return Err(Broken::Other(io::ErrorKind::WriteZero.into())),
            Ok(sent) => unsent = unsent.get(sent..).unwrap_or_default(),
            Err(error) if is_interruption(&error) => {}
            Err(error) => return Err(Broken::new(error)),
        }
        if !unsent.is_empty() && deadline.remaining().is_none() {
            return Err(Broken::TimedOut);
        }
    }
    Ok(())
}

/// The reading end of a connection: its buffer, and the socket's current read timeout.
#[derive(Debug)]
pub(crate) struct Receiver {
    buffer: Box<[u8]>,
    in_force: Duration,
}

impl Receiver {
    /// Creates the reading end of a socket whose read timeout is `in_force`.
    pub(crate) fn new(in_force: Duration) -> Self {
        Self { buffer: vec![0; READ_BUFFER_LEN].into_boxed_slice(), in_force }
    }

    /// Waits for the next bytes until the deadline, or longer by at most the timeout divided by
    /// [`LATE_PART`]. Makes no system call but the read as long as the replies arrive quickly.
    pub(crate) fn receive(
        &mut self,
        mut stream: &TcpStream,
        deadline: &Deadline,
    ) -> Result<&[u8], Broken> {
        loop {
            let remaining = deadline.remaining().ok_or(Broken::TimedOut)?;
            if self.in_force > remaining.saturating_add(deadline.timeout() / LATE_PART) {
                self.wait_for(stream, remaining)?;
            }
            match stream.read(&mut self.buffer) {
                Ok(0) => return Err(Broken::Closed),
                Ok(received) => return Ok(self.buffer.get(..received).unwrap_or_default()),
                Err(error) if is_interruption(&error) => self.wait_for_rest(stream, deadline)?,
                Err(error) => return Err(Broken::new(error)),
            }
        }
    }

    /// Sets the read timeout to the remaining time after a read that ended too early. The cause is a
    /// signal, or a timeout that was shortened for an earlier, slow reply.
    fn wait_for_rest(&mut self, stream: &TcpStream, deadline: &Deadline) -> Result<(), Broken> {
        match deadline.remaining() {
            Some(remaining) => self.wait_for(stream, remaining),
            None => Err(Broken::TimedOut),
        }
    }

    fn wait_for(&mut self, stream: &TcpStream, timeout: Duration) -> Result<(), Broken> {
        stream.set_read_timeout(Some(timeout)).map_err(Broken::Other)?;
        self.in_force = timeout;
        Ok(())
    }
}

/// Whether a call ended because of the socket's own timeout or a signal, before anything happened on
/// the connection. Windows reports its timeout as `TimedOut`; on Unix this error means that the
/// connection itself timed out.
fn is_interruption(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => true,
        io::ErrorKind::TimedOut => cfg!(windows),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    /// Returns this end, whose read timeout is `in_force`, its receiver, and the peer's end.
    fn connected(in_force: Duration) -> (TcpStream, Receiver, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ours.set_read_timeout(Some(in_force)).unwrap();
        (ours, Receiver::new(in_force), listener.accept().unwrap().0)
    }

    #[test]
    fn bytes_that_arrive_quickly_leave_the_socket_timeout_alone() {
        let (ours, mut receiver, mut peer) = connected(LONG);
        for _ in 0..3 {
            peer.write_all(b"x").unwrap();
            assert_eq!(receiver.receive(&ours, &Deadline::after(LONG)).unwrap(), b"x");
        }
        assert_eq!(receiver.in_force, LONG);
    }

    #[test]
    fn the_deadline_holds_when_the_timeout_of_the_socket_is_longer() {
        let (ours, mut receiver, _peer) = connected(Duration::MAX);
        let received = receiver.receive(&ours, &Deadline::after(SHORT));
        assert!(matches!(received, Err(Broken::TimedOut)), "{received:?}");
    }

    #[test]
    fn bytes_are_awaited_when_the_timeout_of_the_socket_is_shorter() {
        let (ours, mut receiver, mut peer) = connected(Duration::from_millis(1));
        let sender = thread::spawn(move || {
            // This is no synchronisation: the socket's timeout must pass before the bytes arrive.
            thread::sleep(SHORT);
            peer.write_all(b"x").unwrap();
            peer
        });
        assert_eq!(receiver.receive(&ours, &Deadline::after(LONG)).unwrap(), b"x");
        sender.join().unwrap();
    }

    #[test]
    fn bytes_that_are_read_after_the_deadline_are_too_late() {
        let (ours, mut receiver, mut peer) = connected(LONG);
        peer.write_all(b"x").unwrap();
        let received = receiver.receive(&ours, &Deadline::after(Duration::ZERO));
        assert!(matches!(received, Err(Broken::TimedOut)), "{received:?}");
    }

    #[test]
    fn the_end_of_the_stream_is_reported() {
        let (ours, mut receiver, peer) = connected(LONG);
        drop(peer);
        let received = receiver.receive(&ours, &Deadline::after(LONG));
        assert!(matches!(received, Err(Broken::Closed)), "{received:?}");
    }

    #[test]
    fn a_peer_that_reads_nothing_does_not_hold_up_the_sender_for_ever() {
        let (ours, _, _peer) = connected(LONG);
        ours.set_write_timeout(Some(SHORT)).unwrap();
        let sent = send(&ours, &vec![0; 64 * 1024 * 1024], &Deadline::after(SHORT));
        assert!(matches!(sent, Err(Broken::TimedOut)), "{sent:?}");
    }
}
