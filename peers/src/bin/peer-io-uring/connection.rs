//! A connection: what of it is under way, and what comes next. Asks the kernel for nothing.
//!
//! What arrives while a send is under way is held, and goes out next in one piece. When that becomes
//! too much, receiving is cancelled, and asked for again when all is gone.

use std::mem;
use std::os::fd::OwnedFd;

/// When more than this is held, receiving is cancelled. What arrives until then is added.
const MAX_HELD_LEN: usize = 256 * 1024;

pub(crate) struct Connection {
    /// Closed with the connection.
    _socket: OwnedFd,
    pub(crate) receiving: Receiving,
    pub(crate) sending: Sending,
    /// What is being sent, if it had to wait.
    outgoing: Vec<u8>,
    /// Goes out when that is gone.
    held: Vec<u8>,
    /// Nothing more is received, or nothing more can be sent.
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiving {
    No,
    Yes,
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
    Receive,
    CancelReceive,
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
            is_over: false,
        }
    }

    /// What [`Sending::Outgoing`] is about; nothing is left of it here.
    pub(crate) fn take_outgoing(&mut self) -> Vec<u8> {
        mem::take(&mut self.outgoing)
    }

    /// Keeps what has arrived for later.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Keeps what could not be sent for later, before all else.
    pub(crate) fn hold_first(&mut self, bytes: &[u8]) {
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

    /// Asked after each completion. What it says is then under way.
    pub(crate) fn next(&mut self) -> Next<'_> {
        let is_sending = !matches!(self.sending, Sending::Nothing);
        if !is_sending && !self.held.is_empty() {
            self.sending = Sending::Outgoing;
            self.outgoing = mem::take(&mut self.held);
            return Next::Flush(&self.outgoing);
        }
        let is_done = self.is_over && !is_sending;
        match self.receiving {
            Receiving::Yes if is_done || self.held.len() > MAX_HELD_LEN => {
                self.receiving = Receiving::Ending;
                Next::CancelReceive
            }
            Receiving::No if is_done => Next::Close,
            Receiving::No if !is_sending => {
                self.receiving = Receiving::Yes;
                Next::Receive
            }
            Receiving::Yes | Receiving::No | Receiving::Ending => Next::Wait,
        }
    }
}
