//! One connection's two ends: what the peer did, what the server did, and what of it the event queue
//! has not told yet.

use std::io::{self, ErrorKind};

use crate::connection::TURN_BUDGET;
use crate::seams::poller::Event;
use crate::seams::poller::Key;
use crate::seams::stream::{Interest, Readiness};

/// However the threads take turns, the server meets each deadline within this.
pub(super) const LATE_MS: u64 = 2_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Socket {
    /// All that the peer sent.
    pub(super) sent: Vec<u8>,
    /// How much of it had been sent when the server was told to stop.
    pub(super) sent_at_stop: usize,
    /// Length of the server's reads.
    read_buffer_len: usize,
    /// Urgent bytes, as positions in `sent`: a read stops before each.
    urgent: Vec<usize>,
    /// The peer has finished its side.
    pub(super) fin: bool,
    /// The connection is broken; the server learns it by this error.
    pub(super) broken: Option<ErrorKind>,
    /// Came after the server was told to stop.
    pub(super) is_late: bool,
    /// Never reached the server...
    pub(super) refused: bool,
    /// ...because it broke while it waited.
    pub(super) was_aborted: bool,
    /// The peer's host does nothing any more.
    pub(super) vanished: bool,
    /// How much of the echo the peer's system has acknowledged, and when it last did some.
    pub(super) acked_len: usize,
    pub(super) acked_at_ms: u64,
    /// Room in the server's send buffer and the peer's window.
    pub(super) room: usize,
    /// With less room than this there is no event: systems wait for more than a byte.
    min_room: usize,
    /// A write was short: an event is owed when there is room.
    wants_room: bool,

    /// How much the server has read, and how much of that before it finished its side.
    pub(super) read_len: usize,
    pub(super) read_to_echo: usize,
    /// How much it has read in this turn of its thread.
    pub(super) turn_len: usize,
    /// How much came back. It is the beginning of `sent`.
    pub(super) echoed_len: usize,
    /// When bytes last moved while the server did not end the connection.
    pub(super) moved_at_ms: u64,
    /// When the server began to end the connection, and how much had been sent by then.
    pub(super) ended_at_ms: Option<u64>,
    sent_at_end: usize,
    /// When the server finished its side.
    pub(super) finished_at_ms: Option<u64>,
    /// When the server closed its end.
    pub(super) closed_at_ms: Option<u64>,

    watch: Option<(usize, Key, Interest)>,
    /// The event queue refused to watch it.
    pub(super) watch_failed: bool,
    /// Something happened that may be worth an event.
    edge: bool,
}

impl Socket {
    pub(super) fn new(room: usize, min_room: usize, read_buffer_len: usize) -> Self {
        Self { room, min_room, read_buffer_len, ..Self::default() }
    }

    /// All of it but the bytes.
    pub(super) fn describe(&self) -> String {
        format!("sent {}, {:?}", self.sent.len(), Self { sent: vec![], ..self.clone() })
    }
}

/// The peer's side.
impl Socket {
    pub(super) fn peer_sends(&mut self, bytes: &[u8], urgent: bool) {
        if urgent && !bytes.is_empty() {
            self.urgent.push(self.sent.len() + bytes.len() - 1);
        }
        self.sent.extend(bytes);
        self.edge = true;
    }

    pub(super) fn peer_finishes(&mut self) {
        (self.fin, self.edge) = (true, true);
    }

    pub(super) fn breaks(&mut self, error: ErrorKind) {
        (self.broken, self.edge) = (Some(error), true);
    }

    pub(super) fn peer_reads(&mut self, now_ms: u64, len: usize) {
        self.room += len;
        self.acks(now_ms, len);
        if len > 0 && self.wants_room && self.room >= self.min_room {
            (self.wants_room, self.edge) = (false, true);
        }
    }

    /// The peer's system acknowledges so much more, if there is so much.
    pub(super) fn acks(&mut self, now_ms: u64, len: usize) {
        let acked_len = self.acked_len.saturating_add(len).min(self.echoed_len);
        if acked_len > self.acked_len {
            (self.acked_len, self.acked_at_ms) = (acked_len, now_ms);
        }
    }

    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// Whether its peer can still do something.
    pub(super) fn has_peer(&self) -> bool {
        !self.refused && !self.vanished && self.broken.is_none() && self.closed_at_ms.is_none()
    }
}

/// The event queue's side. Like epoll, it looks at the state when it is asked.
impl Socket {
    pub(super) fn watch(&mut self, thread: usize, key: Key, interest: Interest) {
        (self.watch, self.edge) = (Some((thread, key, interest)), true);
    }

    pub(super) fn is_watched_by(&self, thread: usize) -> bool {
        self.is_open() && self.watch.is_some_and(|(by, _, _)| by == thread)
    }

    pub(super) fn has_edge(&self) -> bool {
        self.edge
    }

    /// Nothing is left to do before somebody else acts: the server must wait for just that.
    pub(super) fn check_quiet(&self, due_len: impl Fn(&[u8]) -> usize) {
        assert_eq!(self.broken, None, "a break unnoticed {}", self.describe());
        match self.watch {
            None => panic!("accepted and forgotten {}", self.describe()),
            Some((_, _, Interest::Writable)) => {
                assert!(self.room < self.min_room, "room unnoticed {}", self.describe());
            }
            Some((_, _, Interest::Readable)) => {
                assert_eq!(self.read_len, self.sent.len(), "bytes unread {}", self.describe());
                let is_over = self.finished_at_ms.is_some();
                assert!(is_over || !self.fin, "the end unnoticed {}", self.describe());
                let is_even = is_over || self.echoed_len == due_len(&self.sent);
                assert!(is_even, "bytes are owed {}", self.describe());
            }
        }
    }

    fn readiness(&self) -> Readiness {
        let is_over = self.fin || self.broken.is_some();
        Readiness {
            readable: self.read_len < self.sent.len() || is_over,
            read_until_blocked: is_over || !self.urgent.is_empty(),
        }
    }

    /// The event that is to be told now, if any.
    pub(super) fn take_event(&mut self) -> Option<Event> {
        let (_, key, interest) = self.watch.filter(|_| self.edge)?;
        self.edge = false;
        let readiness = self.readiness();
        match interest {
            Interest::Readable => readiness.readable.then_some(Event::Ready(key, readiness)),
            Interest::Writable if self.broken.is_some() => Some(Event::Ready(key, readiness)),
            Interest::Writable => {
                // As in Linux, a look that finds no room asks for an event when there is some.
                self.wants_room |= self.room < self.min_room;
                (self.room >= self.min_room).then_some(Event::Ready(key, Readiness::default()))
            }
        }
    }
}

/// The server's side.
impl Socket {
    pub(super) fn is_open(&self) -> bool {
        self.closed_at_ms.is_none()
    }

    /// Whether the peer has finished and has got everything back.
    pub(super) fn is_complete(&self) -> bool {
        self.fin && self.broken.is_none() && self.echoed_len == self.sent.len()
    }

    /// Whether the peer's system has all of the echo.
    pub(super) fn is_acked(&self) -> bool {
        self.acked_len == self.echoed_len
    }

    /// When bytes last moved in either direction, as far as a server can know.
    pub(super) fn alive_at_ms(&self) -> u64 {
        self.moved_at_ms.max(self.acked_at_ms)
    }

    /// The server calls the connection idle. It sees that the peer takes the echo only when it looks.
    pub(super) fn check_idle(&self, now_ms: u64, limit_ms: u64) {
        assert!(now_ms >= self.moved_at_ms + limit_ms, "not idle at {now_ms} {}", self.describe());
        let takes_echo = !self.is_acked() && now_ms < self.acked_at_ms + limit_ms;
        assert!(!takes_echo, "takes its echo at {now_ms} {}", self.describe());
        let latest_ms = self.alive_at_ms() + 2 * limit_ms + LATE_MS;
        assert!(now_ms <= latest_ms, "idle for too long at {now_ms} {}", self.describe());
    }

    /// Whether the server, when it closed, had not delivered all that it was to.
    pub(super) fn is_owed(&self) -> bool {
        let is_unread = self.read_to_echo < self.sent_at_end;
        is_unread || self.echoed_len < self.read_to_echo || !self.is_acked()
    }

    /// Bytes one read can return: it stops before an urgent byte, unless that comes first.
    fn readable_len(&self) -> usize {
        let at = self.read_len;
        let mark = self.urgent.iter().map(|mark| mark - at).find(|&distance| distance > 0);
        mark.unwrap_or(usize::MAX).min(self.sent.len() - at)
    }

    pub(super) fn read(&mut self, now_ms: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.readable_len().min(buffer.len());
        if len == 0 {
            return match (self.broken, self.fin) {
                (Some(error), _) => Err(error.into()),
                (None, true) => Ok(0),
                (None, false) => Err(ErrorKind::WouldBlock.into()),
            };
        }
        let end = self.read_len + len;
        buffer[..len].copy_from_slice(&self.sent[self.read_len..end]);
        self.read_len = end;
        self.turn_len += len;
        // One budget, exceeded by less than one read; and once more in the turn in which the server
        // begins to stop.
        let max_turn_len = 2 * (TURN_BUDGET + self.read_buffer_len);
        assert!(self.turn_len <= max_turn_len, "more than its share of a turn");
        self.urgent.retain(|&mark| mark >= end);
        if self.finished_at_ms.is_none() {
            self.read_to_echo = end;
        }
        self.moves(now_ms);
        Ok(len)
    }

    /// Takes as much as there is room for; checks that it is what the peer sent.
    pub(super) fn write(&mut self, now_ms: u64, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.finished_at_ms.is_none(), "a write after the server has finished its side");
        if self.broken.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let len = bytes.len().min(self.room);
        self.wants_room |= len < bytes.len();
        let end = self.echoed_len + len;
        assert!(end <= self.read_len, "sends back more than it received");
        assert!(self.sent[self.echoed_len..end] == bytes[..len], "sends back something else");
        (self.room, self.echoed_len) = (self.room - len, end);
        if len == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.moves(now_ms);
        Ok(len)
    }

    fn moves(&mut self, now_ms: u64) {
        if self.ended_at_ms.is_none() {
            self.moved_at_ms = now_ms;
        }
    }

    pub(super) fn finish(&mut self, now_ms: u64) -> io::Result<()> {
        if self.broken.is_some() {
            return Err(ErrorKind::NotConnected.into());
        }
        // Unless the peer has finished first.
        if self.ended_at_ms.is_some() {
            // One read may bring more than had arrived when the server looked.
            let (begun, over) = (self.sent_at_end, self.sent_at_end + self.read_buffer_len);
            assert!(self.read_len >= begun, "finishes before it has read what had arrived");
            assert!(self.read_len <= over, "reads on after its end began");
        }
        assert_eq!(self.echoed_len, self.read_len, "finishes while it owes bytes");
        self.finished_at_ms = Some(now_ms);
        Ok(())
    }

    /// The server begins to end the connection. Returns how many bytes have arrived unread.
    pub(super) fn end(&mut self, now_ms: u64) -> usize {
        (self.ended_at_ms, self.sent_at_end) = (Some(now_ms), self.sent.len());
        self.sent.len() - self.read_len
    }
}
