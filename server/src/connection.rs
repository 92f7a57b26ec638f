//! One connection: it moves bytes between its stream and the line machine, within a budget.
//!
//! A connection knows neither the event library nor threads nor channels. Its worker passes it the
//! readiness of its stream ([`Connection::mark`]), gives it turns ([`Connection::drive`]) and watches
//! its deadlines ([`Connection::check`]).

mod deadlines;
pub(crate) mod spill;
mod worker_context;

use std::io::{self, ErrorKind, IoSlice};

use echo_common::socket::SHORT_MEANS_WOULD_BLOCK;
use memchr::{memchr, memchr_iter};

use self::deadlines::wrap;
pub(crate) use self::deadlines::{Check, Deadlines};
use self::spill::{Pool, Spill};
pub(crate) use self::worker_context::WorkerContext;
use crate::seams::close_reason::{Cause, CloseReason};
use crate::seams::journal::{Closing, Journal, Name};
use crate::seams::peer::Peer;
use crate::seams::stream::{Interest, Readiness, Stream};

/// Number of bytes that one connection may receive in one turn. The last read may exceed it.
pub(crate) const TURN_BUDGET: usize = 256 * 1024;

/// What a connection waits for after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event of the kind that its worker watches already.
    Wait,
    /// An event of another kind: its worker must change what it watches.
    Watch(Interest),
    /// Its next turn, after the other connections have had theirs.
    Turn,
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The connection receives bytes and sends them back.
    Open,
    /// The server ends the connection. It still receives the bytes that had arrived when the end
    /// began, which are at most `progress`.
    Ending(Cause),
    /// The connection receives no more, and sends the rest. Without a cause, the peer has finished.
    Sending(Option<Cause>),
    /// The connection has sent everything and finished its side. It discards input until the peer
    /// finishes too.
    Lingering(Cause),
}

/// How far sending got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    /// Nothing is due any more.
    Done,
    /// The send buffer is full. An event will come when it has room.
    Blocked,
    /// The send buffer may have room, or a signal interrupted the call. No event will come.
    Unfinished,
}

/// One connection and its state: 80 bytes, without a buffer while it holds nothing.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    /// The bytes held; `None` while there are none.
    spill: Option<Box<Spill>>,
    id: u64,
    opened_ms: u64,
    received: u64,
    messages: u64,
    /// In [`Phase::Ending`]: maximum number of unread bytes that had arrived when the end began.
    /// While the server has not begun the end: number of bytes that the peer had acknowledged at the
    /// last check, modulo 2³².
    progress: u32,
    /// When bytes last moved, or when the end or the linger began. Wraps after 49 days.
    touched_ms: u32,
    peer: Peer,
    phase: Phase,
    /// The kind of event that the worker watches.
    interest: Interest,
    /// Whether the connection is in one of its worker's ready queues.
    queued: bool,
    /// Whether the last turn was a long one.
    bulk: bool,
    /// Whether a read may return something.
    readable: bool,
    /// Whether a short read says nothing about what is left, so that only "would block" counts. Once
    /// set, it stays: an event may announce urgent data long before the read that it splits.
    read_until_blocked: bool,
    /// Whether the last byte received was not a newline.
    in_line: bool,
}

impl<S: Stream> Connection<S> {
    /// Returns a connection that was just accepted, and waits for bytes.
    pub(crate) fn new(stream: S, peer: Peer, id: u64, now_ms: u64) -> Self {
        Self {
            stream,
            spill: None,
            id,
            opened_ms: now_ms,
            received: 0,
            messages: 0,
            progress: 0,
            touched_ms: wrap(now_ms),
            peer,
            phase: Phase::Open,
            interest: Interest::Readable,
            queued: false,
            bulk: false,
            readable: false,
            read_until_blocked: false,
            in_line: false,
        }
    }

    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Asserts what holds between two turns: the connection has a buffer only while it holds bytes,
    /// its unfinished line is shorter than the longest line, and its buffer is not too long.
    pub(crate) fn invariants(&self, cx: &WorkerContext<impl Journal>) {
        let Some(spill) = &self.spill else { return };
        assert!(spill.len() > 0, "a buffer for nothing");
        assert!(spill.tail().len() < cx.echo.max_line_length(), "an unfinished line too long");
        spill.invariants(cx.max_spill_len());
    }

    /// Notes that the connection is in a ready queue until it [leaves](Self::leave_queue) it. Returns
    /// whether it was in none before.
    pub(crate) fn enter_queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.queued
    }

    /// Notes that the connection was taken from its ready queue.
    pub(crate) fn leave_queue(&mut self) {
        self.queued = false;
    }

    /// Returns whether this is a bulk connection, whose next turn is likely to be long too.
    pub(crate) fn is_bulk(&self) -> bool {
        self.bulk
    }

    /// Notes what an event said. The connection acts on it in its next turn.
    pub(crate) fn mark(&mut self, readiness: Readiness) {
        self.read_until_blocked |= readiness.read_until_blocked;
        self.readable |= readiness.readable | readiness.read_until_blocked;
    }

    /// Gives the connection a turn: it moves bytes until it needs an event or has spent its budget.
    ///
    /// # Errors
    /// The reason why the connection is over. It must not be driven again.
    pub(crate) fn drive(
        &mut self,
        cx: &mut WorkerContext<impl Journal>,
    ) -> Result<Next, CloseReason> {
        let before = cx.moved;
        let next = self.take_turn(cx);
        self.bulk = cx.moved - before >= cx.limits.long_turn_len;
        next
    }

    fn take_turn(&mut self, cx: &mut WorkerContext<impl Journal>) -> Result<Next, CloseReason> {
        let mut budget = TURN_BUDGET;
        loop {
            match self.flush(cx)? {
                Flush::Done => {}
                Flush::Blocked => return Ok(self.wait(Interest::Writable)),
                Flush::Unfinished => return Ok(Next::Turn),
            }
            match self.phase {
                Phase::Sending(None) => return Err(CloseReason::Finished),
                Phase::Sending(Some(cause)) => self.start_lingering(cause, cx)?,
                Phase::Ending(cause) if self.progress == 0 || !self.readable => {
                    self.end_input(Some(cause), cx);
                    continue;
                }
                Phase::Open | Phase::Ending(_) | Phase::Lingering(_) => {}
            }
            if !self.readable {
                return Ok(self.wait(Interest::Readable));
            }
            if budget == 0 {
                return Ok(Next::Turn);
            }
            budget = budget.saturating_sub(self.receive(cx)?);
        }
    }

    /// Begins to end the connection from the server's side. If the end has begun already, only its
    /// cause changes. The connection acts on the cause in its next turn.
    pub(crate) fn end(&mut self, cause: Cause, now_ms: u64) {
        match self.phase {
            Phase::Open => {
                self.phase = Phase::Ending(cause);
                self.progress = u32::try_from(self.stream.begin_end()).unwrap_or(u32::MAX);
                // Urgent data may split the reads although no event has announced it yet.
                (self.readable, self.read_until_blocked) = (true, true);
                self.touched_ms = wrap(now_ms);
            }
            // An idle connection that is ending now follows the rules of the shutdown.
            Phase::Ending(_) => self.phase = Phase::Ending(cause),
            Phase::Sending(_) => self.phase = Phase::Sending(Some(cause)),
            Phase::Lingering(_) => self.phase = Phase::Lingering(cause),
        }
    }

    /// Returns whether the peer or the server has begun to end the connection.
    pub(crate) fn is_ending(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Counts the end of the connection, tells the journal of it, and closes the stream.
    pub(crate) fn close(self, reason: CloseReason, cx: &mut WorkerContext<impl Journal>) {
        let closing = Closing {
            reason,
            received: self.received,
            sent: self.sent(),
            messages: self.messages,
            duration_ms: cx.now_ms - self.opened_ms,
        };
        cx.stats.closed += 1;
        match reason {
            // A probe that resets is no failure: many health checks end in this way.
            CloseReason::Reset if self.received == 0 => {}
            CloseReason::Reset | CloseReason::Failed => cx.stats.failed += 1,
            CloseReason::Idle => cx.stats.idle += 1,
            CloseReason::Cut => cx.stats.cut += 1,
            CloseReason::Finished | CloseReason::Shutdown => {}
        }
        cx.stats.probes += u64::from(self.received == 0);
        cx.journal.closed(cx.now_ms, self.name(), &closing);
        if let Some(spill) = self.spill {
            cx.pool.give_back(spill);
        }
    }

    /// Returns the number of bytes sent back, which the system has taken.
    fn sent(&self) -> u64 {
        self.received - self.spill.as_ref().map_or(0, |spill| spill.len() as u64)
    }

    fn name(&self) -> Name {
        Name { peer: self.peer, id: self.id }
    }

    fn wait(&mut self, interest: Interest) -> Next {
        if self.interest == interest {
            return Next::Wait;
        }
        self.interest = interest;
        Next::Watch(interest)
    }

    /// Reads once. Returns the number of bytes that this takes from the budget of the turn.
    fn receive(&mut self, cx: &mut WorkerContext<impl Journal>) -> Result<usize, CloseReason> {
        let len = match self.stream.read(&mut cx.buffer) {
            Ok(0) => return self.end_of_stream(cx).map(|()| 0),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(0);
            }
            // An interrupted read costs budget, so that a storm of signals does not hold up the others.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(cx.buffer.len()),
            Err(error) => return Err(error.kind().into()),
        };
        cx.moved += len as u64;
        if SHORT_MEANS_WOULD_BLOCK && len < cx.buffer.len() && !self.read_until_blocked {
            self.readable = false;
        }
        match self.phase {
            Phase::Lingering(_) => return Ok(len),
            Phase::Ending(_) => {
                let len = u32::try_from(len).unwrap_or(u32::MAX);
                self.progress = self.progress.saturating_sub(len);
            }
            Phase::Open => self.touched_ms = wrap(cx.now_ms),
            Phase::Sending(_) => debug_assert!(false, "reads after the end of the input"),
        }
        if self.received == 0 {
            cx.journal.opened(cx.now_ms, self.name());
        }
        self.received += len as u64;
        self.in_line = !cx.buffer[..len].ends_with(b"\n");
        cx.stats.received += len as u64;
        self.echo(len, cx)?;
        Ok(len)
    }

    /// Sends back the bytes that the first `len` bytes of the buffer make due, without copying them,
    /// and holds the rest.
    fn echo(
        &mut self,
        len: usize,
        cx: &mut WorkerContext<impl Journal>,
    ) -> Result<(), CloseReason> {
        let chunk = &cx.buffer[..len];
        let held = self.spill.as_ref().map_or(&[][..], |spill| spill.tail());
        let (due, rest) = chunk.split_at(cx.echo.due_len(held.len(), chunk));
        let mut written = Ok(0);
        if !due.is_empty() {
            written = sent_len(match held {
                [] => self.stream.write(due),
                held => self.stream.write_vectored(&[IoSlice::new(held), IoSlice::new(due)]),
            });
            let newlines = count_newlines(due);
            cx.journal.messages(cx.now_ms, self.name(), (held, due), newlines);
            cx.stats.messages += newlines;
            self.messages += newlines;
        }
        let sent = written.unwrap_or(0);
        cx.moved += sent as u64;
        cx.stats.sent += sent as u64;
        if self.spill.is_none() && rest.is_empty() && sent == due.len() {
            return Ok(());
        }
        // After a failed write too, because [`Self::sent`] subtracts the bytes held.
        let max_spill_len = cx.max_spill_len();
        let spill = self.spill.get_or_insert_with(|| cx.pool.take());
        spill.keep(sent, due, rest, max_spill_len);
        self.release_empty_spill(&mut cx.pool);
        written.map(|_| ())
    }

    /// Sends the held bytes that are due.
    fn flush(&mut self, cx: &mut WorkerContext<impl Journal>) -> Result<Flush, CloseReason> {
        let Some(spill) = self.spill.as_mut().filter(|spill| !spill.due().is_empty()) else {
            return Ok(Flush::Done);
        };
        let sent = match self.stream.write(spill.due()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Flush::Unfinished),
            written => sent_len(written)?,
        };
        spill.consume(sent);
        let flush = match (spill.due(), sent) {
            ([], _) => Flush::Done,
            (_, 0) => Flush::Blocked,
            _ if SHORT_MEANS_WOULD_BLOCK => Flush::Blocked,
            _ => Flush::Unfinished,
        };
        cx.moved += sent as u64;
        cx.stats.sent += sent as u64;
        if sent > 0 && matches!(self.phase, Phase::Open | Phase::Sending(None)) {
            self.touched_ms = wrap(cx.now_ms);
        }
        self.release_empty_spill(&mut cx.pool);
        Ok(flush)
    }

    fn release_empty_spill(&mut self, pool: &mut Pool) {
        if let Some(spill) = self.spill.take_if(|spill| spill.len() == 0) {
            pool.give_back(spill);
        }
    }

    fn end_of_stream(&mut self, cx: &mut WorkerContext<impl Journal>) -> Result<(), CloseReason> {
        match self.phase {
            Phase::Lingering(Cause::Shutdown) if !self.is_delivered() => {
                self.readable = false;
                Ok(())
            }
            Phase::Lingering(cause) => Err(cause.into()),
            // The peer has finished, so the linger will end at once. When the server stops, it lasts
            // until the peer's system has acknowledged everything, because the bytes in the send buffer
            // may be lost with the process.
            Phase::Ending(cause) => {
                self.end_input(Some(cause), cx);
                Ok(())
            }
            Phase::Open | Phase::Sending(_) => {
                self.end_input(None, cx);
                Ok(())
            }
        }
    }

    /// Ends the input: the unfinished line is due as it is.
    fn end_input(&mut self, cause: Option<Cause>, cx: &mut WorkerContext<impl Journal>) {
        if std::mem::take(&mut self.in_line) {
            cx.stats.messages += 1;
            self.messages += 1;
        }
        if let Some(spill) = &mut self.spill {
            let name = Name { peer: self.peer, id: self.id };
            cx.journal.messages(cx.now_ms, name, (&[], spill.tail()), 0);
            spill.finish_tail();
        }
        self.phase = Phase::Sending(cause);
    }

    fn start_lingering(
        &mut self,
        cause: Cause,
        cx: &WorkerContext<impl Journal>,
    ) -> Result<(), CloseReason> {
        self.stream.finish().map_err(|error| CloseReason::from(error.kind()))?;
        self.phase = Phase::Lingering(cause);
        self.touched_ms = wrap(cx.now_ms);
        Ok(())
    }
}

/// Returns how many bytes a write took: none if it was interrupted or would have blocked.
fn sent_len(written: io::Result<usize>) -> Result<usize, CloseReason> {
    match written {
        Ok(len) => Ok(len),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
            kind => Err(kind.into()),
        },
    }
}

/// Counts the newlines in the bytes that are due. There is nearly always one, at the end, and finding
/// it takes a quarter of the instructions of counting.
fn count_newlines(due: &[u8]) -> u64 {
    match memchr(b'\n', due) {
        None => 0,
        Some(first) if first + 1 == due.len() => 1,
        Some(_) => memchr_iter(b'\n', due).count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        // The standard library's stream is a bare descriptor; mio's is larger in debug builds.
        assert_eq!(size_of::<Connection<std::net::TcpStream>>(), 80);
    }

    #[test]
    fn newlines_are_counted_wherever_they_are() {
        for (due, count) in
            [("", 0), ("a", 0), ("a\n", 1), ("a\nb", 1), ("\n\n", 2), ("a\n\nb\n", 3)]
        {
            assert_eq!(count_newlines(due.as_bytes()), count, "{due:?}");
        }
    }
}
