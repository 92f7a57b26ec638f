//! Both ends of one connection: what the peer did, what the server did, and what the event queue has
//! not reported yet.

use std::io::{self, ErrorKind};

use crate::connection::TURN_BUDGET;
use crate::seams::poller::{Event, Key};
use crate::seams::stream::{Interest, Readiness};

/// How late the server may meet a deadline, in whatever order the threads take their turns.
pub(super) const LATE_MS: u64 = 2_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Socket {
    /// All bytes that the peer has sent. They arrive at once.
    pub(super) input: Vec<u8>,
    /// Length of the input when the server was asked to stop.
    pub(super) input_len_at_stop: usize,
    /// Maximum length of one read by the server.
    read_buffer_len: usize,
    /// Positions of the urgent bytes in the input. A read stops before each of them.
    urgent: Vec<usize>,
    /// The peer has finished its side.
    pub(super) fin: bool,
    /// The connection is broken, and this error tells the server so.
    pub(super) broken: Option<ErrorKind>,
    /// The peer connected after the server was asked to stop.
    pub(super) came_after_stop: bool,
    /// The server never got this connection.
    pub(super) refused: bool,
    /// The connection broke in the backlog. It is refused, too.
    pub(super) was_aborted: bool,
    /// The peer's host has disappeared without a word.
    pub(super) vanished: bool,
    /// How much of the echo the peer's system has acknowledged, and when it last acknowledged some.
    pub(super) acked_len: usize,
    pub(super) acked_at_ms: u64,
    /// Number of bytes that fit into the server's send buffer and the peer's window.
    pub(super) room: usize,
    /// An event reports room only from this many bytes on, because real systems do not report every
    /// byte of room.
    min_room: usize,
    /// A write was short, so there must be an event once there is room.
    wants_room: bool,

    /// Number of bytes that the server has read.
    pub(super) read_len: usize,
    /// Number of bytes that the server has read before it finished its side. It must echo these; it
    /// discards what it reads later.
    pub(super) read_to_echo: usize,
    /// Number of bytes that the server has read in the current turn of its thread.
    pub(super) turn_read_len: usize,
    /// Length of the echo. It is a beginning of the input.
    pub(super) echoed_len: usize,
    /// When bytes last moved, before the server began to end the connection.
    pub(super) moved_at_ms: u64,
    /// When the server began to end the connection, and the length of the input at that time.
    pub(super) end_began_at_ms: Option<u64>,
    input_len_at_end: usize,
    /// When the server finished its side.
    pub(super) finished_at_ms: Option<u64>,
    /// When the server closed its end.
    pub(super) closed_at_ms: Option<u64>,

    /// The thread that watches the socket, the key it uses, and what it waits for.
    watch: Option<(usize, Key, Interest)>,
    /// The event queue refused to watch the socket.
    pub(super) watch_failed: bool,
    /// Something has happened that may cause an event.
    edge: bool,
}

impl Socket {
    pub(super) fn new(room: usize, min_room: usize, read_buffer_len: usize) -> Self {
        Self { room, min_room, read_buffer_len, ..Self::default() }
    }

    /// Describes the state for an assertion message, without the bytes of the input.
    pub(super) fn describe(&self) -> String {
        let state = Self { input: vec![], ..self.clone() };
        format!("a connection with {} bytes of input, {state:?}", self.input.len())
    }
}

/// The peer's side.
impl Socket {
    pub(super) fn peer_sends(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        self.edge = true;
    }

    /// Makes the last byte of the input urgent.
    pub(super) fn peer_marks_urgent(&mut self) {
        self.urgent.push(self.input.len() - 1);
    }

    pub(super) fn peer_finishes(&mut self) {
        (self.fin, self.edge) = (true, true);
    }

    pub(super) fn breaks(&mut self, error: ErrorKind) {
        (self.broken, self.edge) = (Some(error), true);
    }

    /// Frees room by `len` bytes, whether or not the peer has that many to read.
    pub(super) fn peer_reads(&mut self, now_ms: u64, len: usize) {
        self.room += len;
        self.peer_acks(now_ms, len);
        if len > 0 && self.wants_room && self.room >= self.min_room {
            (self.wants_room, self.edge) = (false, true);
        }
    }

    /// Acknowledges at most `len` more bytes of the echo.
    pub(super) fn peer_acks(&mut self, now_ms: u64, len: usize) {
        let acked_len = self.acked_len.saturating_add(len).min(self.echoed_len);
        if acked_len > self.acked_len {
            (self.acked_len, self.acked_at_ms) = (acked_len, now_ms);
        }
    }

    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// Returns whether the peer can still do something.
    pub(super) fn has_peer(&self) -> bool {
        !self.refused && !self.vanished && self.broken.is_none() && self.closed_at_ms.is_none()
    }
}

/// The event queue's side. Like epoll, it looks at the state when the server asks for events.
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

    /// Checks a connection while every thread sleeps: the server has done all it can, and it waits
    /// for exactly the event that comes next.
    pub(super) fn check_quiet(&self, due_len: impl Fn(&[u8]) -> usize) {
        assert_eq!(self.broken, None, "the server missed the break of {}", self.describe());
        match self.watch {
            None => panic!("the server does not watch {}", self.describe()),
            Some((_, _, Interest::Writable)) => {
                assert!(
                    self.room < self.min_room,
                    "the server missed room for {}",
                    self.describe()
                );
            }
            Some((_, _, Interest::Readable)) => {
                let is_finished = self.finished_at_ms.is_some();
                let has_read_all = self.read_len == self.input.len();
                assert!(has_read_all, "the server left bytes unread of {}", self.describe());
                let knows_end = is_finished || !self.fin;
                assert!(knows_end, "the server missed the end of {}", self.describe());
                let owes_nothing = is_finished || self.echoed_len == due_len(&self.input);
                assert!(owes_nothing, "the server owes due bytes of {}", self.describe());
            }
        }
    }

    fn readiness(&self) -> Readiness {
        let has_ended = self.fin || self.broken.is_some();
        Readiness {
            readable: self.read_len < self.input.len() || has_ended,
            read_until_blocked: has_ended || !self.urgent.is_empty(),
        }
    }

    /// Returns the event that is to be reported now, if there is one.
    pub(super) fn take_event(&mut self) -> Option<Event> {
        let (_, key, interest) = self.watch.filter(|_| self.edge)?;
        self.edge = false;
        let readiness = self.readiness();
        match interest {
            Interest::Readable => readiness.readable.then_some(Event::Ready(key, readiness)),
            Interest::Writable if self.broken.is_some() => Some(Event::Ready(key, readiness)),
            Interest::Writable => {
                // As in Linux, a look that finds no room asks for an event once there is room.
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

    /// Returns whether the peer has finished its side and the whole echo has been sent.
    pub(super) fn is_complete(&self) -> bool {
        self.fin && self.broken.is_none() && self.echoed_len == self.input.len()
    }

    /// Returns whether the peer's system has acknowledged the whole echo.
    pub(super) fn is_acked(&self) -> bool {
        self.acked_len == self.echoed_len
    }

    /// Returns when bytes last moved in either direction, as far as a server can know.
    pub(super) fn alive_at_ms(&self) -> u64 {
        self.moved_at_ms.max(self.acked_at_ms)
    }

    /// Checks that the connection is idle when the server calls it idle, and that the server does so
    /// in time. The server notices acknowledgements only when it looks for them, so it may need twice
    /// the idle timeout.
    pub(super) fn check_idle(&self, now_ms: u64, limit_ms: u64) {
        let is_idle = now_ms >= self.moved_at_ms + limit_ms;
        assert!(is_idle, "not idle at {now_ms}: {}", self.describe());
        let takes_echo = !self.is_acked() && now_ms < self.acked_at_ms + limit_ms;
        assert!(!takes_echo, "the peer still takes its echo at {now_ms}: {}", self.describe());
        let latest_ms = self.alive_at_ms() + 2 * limit_ms + LATE_MS;
        assert!(now_ms <= latest_ms, "idle for too long at {now_ms}: {}", self.describe());
    }

    /// Returns whether the server still owed something to the peer when it closed the connection.
    pub(super) fn is_owed(&self) -> bool {
        let is_unread = self.read_to_echo < self.input_len_at_end;
        is_unread || self.echoed_len < self.read_to_echo || !self.is_acked()
    }

    /// Returns how many bytes one read can return. A read stops before an urgent byte unless it begins
    /// with that byte.
    fn readable_len(&self) -> usize {
        let start = self.read_len;
        let distances = self.urgent.iter().map(|urgent_at| urgent_at - start);
        let urgent_distance = distances.into_iter().find(|&distance| distance > 0);
        urgent_distance.unwrap_or(usize::MAX).min(self.input.len() - start)
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
        buffer[..len].copy_from_slice(&self.input[self.read_len..end]);
        self.read_len = end;
        self.turn_read_len += len;
        // A connection may exceed its budget by less than one read. It gets a second budget in the
        // turn in which the server begins to stop.
        let max_turn_len = 2 * (TURN_BUDGET + self.read_buffer_len);
        assert!(self.turn_read_len <= max_turn_len, "a connection reads beyond its budget");
        self.urgent.retain(|&urgent_at| urgent_at >= end);
        if self.finished_at_ms.is_none() {
            self.read_to_echo = end;
        }
        self.note_movement(now_ms);
        Ok(len)
    }

    /// Takes as many bytes as there is room for, and checks that they are the next ones of the input.
    pub(super) fn write(&mut self, now_ms: u64, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.finished_at_ms.is_none(), "a write after the server has finished its side");
        if self.broken.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let len = bytes.len().min(self.room);
        self.wants_room |= len < bytes.len();
        let end = self.echoed_len + len;
        assert!(end <= self.read_len, "the server sends more than it has received");
        let is_echo = self.input[self.echoed_len..end] == bytes[..len];
        assert!(is_echo, "the server sends other bytes than it has received");
        (self.room, self.echoed_len) = (self.room - len, end);
        if len == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.note_movement(now_ms);
        Ok(len)
    }

    fn note_movement(&mut self, now_ms: u64) {
        if self.end_began_at_ms.is_none() {
            self.moved_at_ms = now_ms;
        }
    }

    /// Finishes the server's side, and checks that the server may do so now.
    pub(super) fn finish(&mut self, now_ms: u64) -> io::Result<()> {
        if self.broken.is_some() {
            return Err(ErrorKind::NotConnected.into());
        }
        if self.end_began_at_ms.is_some() {
            // The last read may return bytes that arrived after the server began the end.
            let latest_len = self.input_len_at_end + self.read_buffer_len;
            let has_read_all = self.read_len >= self.input_len_at_end;
            assert!(has_read_all, "the server finishes before it has read what had arrived");
            assert!(self.read_len <= latest_len, "the server reads on after it began the end");
        }
        assert_eq!(self.echoed_len, self.read_len, "the server finishes while it owes bytes");
        self.finished_at_ms = Some(now_ms);
        Ok(())
    }

    /// Notes that the server begins to end the connection. Returns how many bytes have arrived and are
    /// unread.
    pub(super) fn begin_end(&mut self, now_ms: u64) -> usize {
        (self.end_began_at_ms, self.input_len_at_end) = (Some(now_ms), self.input.len());
        self.input.len() - self.read_len
    }
}
