//! A connection: its operations in progress, and the next one. Makes no system calls.
//!
//! Bytes that arrive during a send are held, and the next send takes all of them. From then on the
//! connection receives once for each send, which bounds the held bytes, until it has caught up.

use std::mem;
use std::os::fd::OwnedFd;

/// One connection.
pub(crate) struct Connection {
    /// Owned, so that it is closed together with the connection.
    _socket: OwnedFd,
    pub(crate) receiving: Receiving,
    pub(crate) sending: Sending,
    /// The bytes that are being sent, if they had to wait.
    outgoing: Vec<u8>,
    /// The bytes to send after those.
    held: Vec<u8>,
    /// More bytes have arrived than could be sent at once, and the connection has not caught up since.
    is_bulk: bool,
    /// The last send was short.
    is_blocked: bool,
    /// The peer has finished, or nothing more can be sent.
    is_over: bool,
}

/// The receive in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiving {
    No,
    Once,
    /// Repeats until it ends by itself.
    Again,
    /// Cancelled, and not ended yet.
    Ending,
}

/// The send in progress. The kernel may read its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Nothing,
    Buffer {
        id: u16,
        len: usize,
    },
    /// The bytes in `outgoing`, which had to wait.
    Outgoing,
}

/// The next operation of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    Wait,
    ReceiveOnce,
    ReceiveAgain,
    CancelReceive,
    /// Send as many of these bytes as there is room for now.
    Send(&'a [u8]),
    /// Send all of these bytes, when there is room.
    Flush(&'a [u8]),
    Close,
}

impl Connection {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            _socket: socket,
            receiving: Receiving::No,
            sending: Sending::Nothing,
            outgoing: vec![],
            held: vec![],
            is_bulk: false,
            is_blocked: false,
            is_over: false,
        }
    }

    /// Ends the send in progress, and returns it with the bytes of [`Sending::Outgoing`]. The caller
    /// passes the bytes that were not sent to [`hold_first`](Self::hold_first).
    pub(crate) fn sent(&mut self) -> (Sending, Vec<u8>) {
        self.is_blocked = false;
        (mem::replace(&mut self.sending, Sending::Nothing), mem::take(&mut self.outgoing))
    }

    /// Holds bytes that have arrived during a send.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.is_bulk = true;
        self.held.extend_from_slice(bytes);
    }

    /// Holds bytes that could not be sent. They go out before all others.
    pub(crate) fn hold_first(&mut self, bytes: &[u8]) {
        self.is_blocked = !bytes.is_empty();
        self.is_bulk |= self.is_blocked;
        self.held.splice(..0, bytes.iter().copied());
    }

    /// Notes that the peer has finished.
    pub(crate) fn finish(&mut self) {
        self.is_over = true;
    }

    /// Notes that nothing more can be sent.
    pub(crate) fn give_up(&mut self) {
        self.is_over = true;
        self.held.clear();
    }

    /// Returns the next operation and counts it as in progress. The caller calls this after each
    /// completion until it returns [`Next::Wait`].
    pub(crate) fn next(&mut self) -> Next<'_> {
        let is_sending = self.sending != Sending::Nothing;
        if !is_sending && !self.held.is_empty() {
            self.sending = Sending::Outgoing;
            self.outgoing = mem::take(&mut self.held);
            let send = if self.is_blocked { Next::Flush } else { Next::Send };
            return send(&self.outgoing);
        }
        let is_done = self.is_over && !is_sending;
        match self.receiving {
            Receiving::No if is_done => Next::Close,
            Receiving::No if self.may_receive() => self.receive(),
            Receiving::Once | Receiving::Again if is_done => self.cancel_receive(),
            Receiving::Again if self.is_bulk => self.cancel_receive(),
            Receiving::No | Receiving::Once | Receiving::Again | Receiving::Ending => Next::Wait,
        }
    }

    /// Returns whether the connection may receive. A bulk connection may receive one buffer while
    /// another one is sent.
    fn may_receive(&self) -> bool {
        let has_room = match self.sending {
            Sending::Nothing => true,
            Sending::Buffer { .. } => self.is_bulk,
            Sending::Outgoing => false,
        };
        has_room && !self.is_over
    }

    /// Starts a receive. If nothing is being sent, nothing is held either, so the connection has caught
    /// up.
    fn receive(&mut self) -> Next<'static> {
        self.is_bulk &= self.sending != Sending::Nothing;
        if self.is_bulk {
            self.receiving = Receiving::Once;
            Next::ReceiveOnce
        } else {
            self.receiving = Receiving::Again;
            Next::ReceiveAgain
        }
    }

    fn cancel_receive(&mut self) -> Next<'static> {
        self.receiving = Receiving::Ending;
        Next::CancelReceive
    }
}
