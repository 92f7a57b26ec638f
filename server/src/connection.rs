//! One connection: moves bytes between its stream and the line machine, within a budget.
//!
//! Knows neither the event library nor threads nor channels: whoever owns the connection tells it
//! about readiness ([`Connection::mark`]), gives it turns ([`Connection::drive`]) and watches its
//! deadlines ([`Connection::check`]).

mod deadlines;
pub(crate) mod spill;

use std::io::{self, ErrorKind, IoSlice};

use echo_common::socket::SHORT_MEANS_WOULD_BLOCK;
use memchr::{memchr, memchr_iter};

use self::deadlines::wrap;
pub(crate) use self::deadlines::{Check, Deadlines};
use self::spill::{Pool, Spill};
use crate::echo::Echo;
use crate::limits::Limits;
use crate::seams::close_reason::{Cause, CloseReason};
use crate::seams::journal::{Closing, Journal, Name};
use crate::seams::peer::Peer;
use crate::seams::stream::{Interest, Readiness, Stream};
use crate::stats::Stats;

/// What one connection may receive in one turn, before the others get theirs.
pub(crate) const TURN_BUDGET: usize = 256 * 1024;

/// What the connections of a worker share. Each uses it while it has its turn.
pub(crate) struct WorkerContext<J> {
    /// When this turn began, in milliseconds since the server started.
    pub(crate) now_ms: u64,
    /// Number of bytes moved so far, counting both directions, also those that were discarded.
    pub(crate) moved: u64,
    echo: Echo,
    pub(crate) limits: Limits,
    buffer: Box<[u8]>,
    pool: Pool,
    pub(crate) journal: J,
    pub(crate) stats: Stats,
}

impl<J: Journal> WorkerContext<J> {
    pub(crate) fn new(echo: Echo, limits: Limits, journal: J) -> Self {
        Self {
            now_ms: 0,
            moved: 0,
            echo,
            limits,
            buffer: vec![0; limits.read_buffer_len].into_boxed_slice(),
            pool: Pool::default(),
            journal,
            stats: Stats::default(),
        }
    }

    /// Asserts what holds of what the connections share.
    pub(crate) fn invariants(&self) {
        self.pool.invariants();
    }

    /// Returns how many bytes one connection holds at most: one line and one read.
    fn max_spill_len(&self) -> usize {
        self.echo.max_line_length().saturating_add(self.buffer.len())
    }
}

/// What a connection needs before it can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event, of the kind that is asked for already.
    Wait,
    /// An event of this kind, from now on.
    Watch(Interest),
    /// Another turn, after the others have had theirs.
    Turn,
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Receives and sends back.
    Open,
    /// The server ends it: receives what has arrived by now, which is no more than `progress`,
    /// then sends the rest.
    Ending(Cause),
    /// Nothing more will be received: sends the rest. Without a cause it is the peer that finished.
    Sending(Option<Cause>),
    /// All was sent and the server has finished its side: discards what comes until the peer has
    /// finished too.
    Lingering(Cause),
}

/// Whether all that is due went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    Done,
    /// There was no room: an event will tell when there is.
    Blocked,
    /// There may be room, or a signal came first: no event will tell.
    Unfinished,
}

/// One connection and its state: 80 bytes, and no more while it holds nothing.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    /// Bytes held; `None` when there are none.
    spill: Option<Box<Spill>>,
    id: u64,
    opened_ms: u64,
    received: u64,
    messages: u64,
    /// While [`Phase::Ending`]: the most bytes that are left of what had arrived by then. Before: how
    /// much the peer had acknowledged when that was last looked at, its lowest 32 bits.
    progress: u32,
    /// When bytes last moved, or when the server began to end it or to linger; wraps after 49 days.
    touched_ms: u32,
    peer: Peer,
    phase: Phase,
    /// What events are asked for.
    interest: Interest,
    /// It is in one of its worker's queues.
    queued: bool,
    /// Its last turn was a long one.
    bulk: bool,
    /// The stream may have something to read.
    readable: bool,
    /// Only "would block" means that it has nothing. Never unset: urgent data may be announced long
    /// before the read that it splits.
    read_until_blocked: bool,
    /// What came last was not a newline.
    in_line: bool,
}

impl<S: Stream> Connection<S> {
    /// A connection that was accepted just now, and will wait for bytes.
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

    /// Asserts what holds of a connection between two turns: it has a buffer only for bytes, holds less
    /// than one longest line of unfinished input, and no more than it may.
    pub(crate) fn invariants(&self, cx: &WorkerContext<impl Journal>) {
        let Some(spill) = &self.spill else { return };
        assert!(spill.len() > 0, "a buffer for nothing");
        assert!(spill.tail().len() < cx.echo.max_line_length(), "an unfinished line too long");
        spill.invariants(cx.max_spill_len());
    }

    /// Whether the connection needs to be put in a queue of its worker; it counts as queued then, until
    /// it [leaves](Self::leave_queue).
    pub(crate) fn enter_queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.queued
    }

    /// Its turn has come.
    pub(crate) fn leave_queue(&mut self) {
        self.queued = false;
    }

    /// Whether its next turn is likely to be a long one, as the last was.
    pub(crate) fn is_bulk(&self) -> bool {
        self.bulk
    }

    /// Notes what an event said. The connection acts on it at its next turn.
    pub(crate) fn mark(&mut self, readiness: Readiness) {
        self.read_until_blocked |= readiness.read_until_blocked;
        self.readable |= readiness.readable | readiness.read_until_blocked;
    }

    /// Moves bytes until an event is needed or the turn's budget is spent.
    ///
    /// # Errors
    /// Why the connection is over; it must not be driven again.
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

    /// Begins to end the connection from this side, unless its end has begun already. The next turn
    /// acts on it.
    pub(crate) fn end(&mut self, cause: Cause, now_ms: u64) {
        match self.phase {
            Phase::Open => {
                self.phase = Phase::Ending(cause);
                self.progress = u32::try_from(self.stream.begin_end()).unwrap_or(u32::MAX);
                // No event may have told yet what splits the reads, and none is waited for.
                (self.readable, self.read_until_blocked) = (true, true);
                self.touched_ms = wrap(now_ms);
            }
            // What began as idle is finished under the rules of the shutdown.
            Phase::Ending(_) => self.phase = Phase::Ending(cause),
            Phase::Sending(_) => self.phase = Phase::Sending(Some(cause)),
            Phase::Lingering(_) => self.phase = Phase::Lingering(cause),
        }
    }

    /// Whether its end has begun, from whichever side.
    pub(crate) fn is_ending(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Accounts for the end of the connection and logs it. Dropping the connection then closes it.
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
            // How a probe ends is the checker's way and no fault: many reset.
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

    /// Bytes sent back, as far as the system has taken them.
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

    /// Reads once. Returns what that takes from the turn's budget.
    fn receive(&mut self, cx: &mut WorkerContext<impl Journal>) -> Result<usize, CloseReason> {
        let len = match self.stream.read(&mut cx.buffer) {
            Ok(0) => return self.end_of_stream(cx).map(|()| 0),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(0);
            }
            // Tried again within the budget, so that no storm of signals holds up the others.
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

    /// Sends back what the first `len` bytes of the buffer make due, straight from there, and holds
    /// what is left.
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
        // After a failure too: what is held at the end was not sent.
        let max_spill_len = cx.max_spill_len();
        let spill = self.spill.get_or_insert_with(|| cx.pool.take());
        spill.keep(sent, due, rest, max_spill_len);
        self.release_empty_spill(&mut cx.pool);
        written.map(|_| ())
    }

    /// Sends what is due, if anything is.
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
            // A peer that has finished needs no linger. But when the server stops, what the system
            // still has to send may go with the process: the acknowledgement is waited for.
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

    /// Nothing more will be received: the unterminated rest is due as it is.
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

/// How many bytes a write took: none if it was interrupted or would have blocked.
fn sent_len(written: io::Result<usize>) -> Result<usize, CloseReason> {
    match written {
        Ok(len) => Ok(len),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
            kind => Err(kind.into()),
        },
    }
}

/// Newlines in what is due: nearly always there is one, at the end. Finding that one takes a quarter of
/// the instructions of counting.
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
        // A stream is a descriptor; in debug builds the event library's is more.
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
