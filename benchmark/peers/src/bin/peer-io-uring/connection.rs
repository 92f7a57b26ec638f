//! A connection: what of it is under way, and what comes next. Asks the kernel for nothing.
//!
//! What arrives while a send is under way is held, and goes out next in one piece. From then on the
//! connection receives once for each send, which bounds what is held, until it has caught up.

use std::mem;
use std::os::fd::OwnedFd;

pub(crate) struct Connection {
    /// Closed with the connection.
    _socket: OwnedFd,
    pub(crate) receiving: Receiving,
    pub(crate) sending: Sending,
    /// What is being sent, if it had to wait.
    outgoing: Vec<u8>,
    /// Goes out when that is gone.
    held: Vec<u8>,
    /// More has arrived than could be sent at once, and the connection has not caught up since.
    is_bulk: bool,
    /// The last send came up short.
    is_blocked: bool,
    /// Nothing more is received, or nothing more can be sent.
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiving {
    No,
    Once,
    /// Until it ends by itself.
    Again,
    /// It was cancelled, and has not ended yet.
    Ending,
}

/// What is being sent. The kernel may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Nothing,
    Buffer {
        id: u16,
        len: usize,
    },
    /// The bytes that had to wait.
    Outgoing,
}

/// What is to be done for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    Wait,
    ReceiveOnce,
    ReceiveAgain,
    CancelReceive,
    /// What there is room for now.
    Send(&'a [u8]),
    /// All of it, when there is room.
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

    /// What was being sent is gone, or what is left of it is held with
    /// [`hold_first`](Self::hold_first). Returns what [`Sending::Outgoing`] was about.
    pub(crate) fn sent(&mut self) -> (Sending, Vec<u8>) {
        self.is_blocked = false;
        (mem::replace(&mut self.sending, Sending::Nothing), mem::take(&mut self.outgoing))
    }

    /// Keeps what has arrived for later.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.is_bulk = true;
        self.held.extend_from_slice(bytes);
    }

    /// Keeps what could not be sent for later, before all else.
    pub(crate) fn hold_first(&mut self, bytes: &[u8]) {
        self.is_blocked = !bytes.is_empty();
        self.is_bulk |= self.is_blocked;
        self.held.splice(..0, bytes.iter().copied());
    }

    /// Nothing more is received.
    pub(crate) fn finish(&mut self) {
        self.is_over = true;
    }

    /// Nothing more can be sent.
    pub(crate) fn give_up(&mut self) {
        self.is_over = true;
        self.held.clear();
    }

    /// Asked after each completion, until it is to wait. What it says is then under way.
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

    /// Of bulk one buffer may arrive while another one is sent.
    fn may_receive(&self) -> bool {
        let has_room = match self.sending {
            Sending::Nothing => true,
            Sending::Buffer { .. } => self.is_bulk,
            Sending::Outgoing => false,
        };
        has_room && !self.is_over
    }

    /// With nothing being sent, nothing is held either: the connection has caught up.
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
