//! One connection of the load and those that replace it: opens it, moves lines within a budget,
//! finishes it. Knows neither threads nor how events are waited for: the driver tells it what events
//! said and gives it turns.

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::io::{self, ErrorKind};
use std::net::Shutdown;

use echo_common::socket::{self as system, SHORT_MEANS_WOULD_BLOCK};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Registry, Token};

use super::arrivals::Arrivals;
use super::context::ThreadContext;
use super::exchange::{Exchange, Times, Wrong};
use super::fault::Fault;
use super::recorder::Came;
use super::socket;
use crate::plan::{Limit, Plan};
use crate::report::run_report::errors::Kind;

/// What one connection may receive in one turn before the others get theirs.
const TURN_BUDGET: usize = 1 << 20;

/// The first pause before a connection that failed is opened again; it doubles each time.
const FIRST_PAUSE_NS: u64 = 50_000_000;
const MAX_PAUSE_NS: u64 = 1_000_000_000;

/// How long, and how much, more is read to see what exactly is wrong.
const INSPECTION_NS: u64 = 200_000_000;
const INSPECTION_LINES: usize = 3;

/// Where a connection is in its life.
#[derive(Debug)]
enum State {
    /// There is none: it is to be opened at its time, or when it is given its turn.
    Closed,
    /// Since the time of the call.
    Connecting(u64),
    Open,
    /// Something is wrong with what came: reads on until this time to see what.
    Inspecting(Wrong, u64),
    /// Everything came back and this side has finished, at that time: waits for the end of the stream.
    Finishing(u64),
    /// No more will be opened.
    Over,
}

/// What a connection needs before it can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event.
    Wait,
    /// An event, or this time, whichever comes first.
    WaitUntil(u64),
    /// Another turn, after the others have had theirs.
    Turn,
    /// To be opened, when connections may be.
    Open,
    /// Nothing: it is over.
    Over,
}

/// One connection of the load.
#[derive(Debug)]
pub(crate) struct Connection {
    state: State,
    stream: Option<TcpStream>,
    exchange: Exchange,
    arrivals: Option<Arrivals>,
    /// Messages that may still be sent before it is replaced.
    messages_left: u64,
    /// Since when it could have sent another message, had none before been late.
    free_since_ns: u64,
    /// How late its last message was sent.
    late_ns: u64,
    /// Since when no connection can be made.
    unreachable_since_ns: Option<u64>,
    /// Since when messages have been lost and none has come back.
    unanswered_since_ns: Option<u64>,
    /// Since when it is missing, because the one before failed.
    missing_since_ns: Option<u64>,
    pause_ns: u64,
    /// It is not opened before this.
    closed_until_ns: u64,
    readable: bool,
    writable: bool,
    /// Only "would block" means that nothing is left to read.
    drain: bool,
    /// It was open once.
    pub(crate) was_open: bool,
    /// The first try to open it is over, one way or the other.
    pub(crate) was_tried: bool,
}

impl Connection {
    /// Not open yet.
    pub(crate) fn new(cx: &ThreadContext<'_>, number: u64) -> Self {
        Self {
            state: State::Closed,
            stream: None,
            exchange: Exchange::new(number, cx.plan.depth),
            arrivals: Arrivals::new(cx.plan, number),
            messages_left: 0,
            free_since_ns: 0,
            late_ns: 0,
            unreachable_since_ns: None,
            unanswered_since_ns: None,
            missing_since_ns: None,
            pause_ns: FIRST_PAUSE_NS,
            closed_until_ns: 0,
            readable: false,
            writable: false,
            drain: false,
            was_open: false,
            was_tried: false,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.exchange.connection()
    }

    /// Bursts that were due between these times, and were not sent.
    pub(crate) fn unsent_bursts(&self, start_ns: u64, from_ns: u64, end_ns: u64) -> u64 {
        let [from_ns, end_ns] = [from_ns, end_ns].map(|at_ns| at_ns.saturating_sub(start_ns));
        let arrivals = self.arrivals.clone();
        arrivals.map_or(0, |arrivals| arrivals.count_within(from_ns, end_ns))
    }

    /// Notes what an event said.
    pub(crate) fn mark(&mut self, event: &Event) {
        self.drain |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.drain;
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Starts to open the connection, which is closed.
    pub(crate) fn open(
        &mut self,
        cx: &mut ThreadContext<'_>,
        registry: &Registry,
        token: Token,
    ) -> Next {
        debug_assert!(matches!(self.state, State::Closed), "{:?} is not to be opened", self.state);
        let now_ns = cx.clock.now_ns();
        if cx.is_over(now_ns) {
            return self.end(cx);
        }
        (self.readable, self.writable, self.drain) = (false, false, false);
        match socket::connect(cx.plan, self.number(), registry, token) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.state = State::Connecting(now_ns);
                Next::Wait
            }
            Err(error) => self.fail(Fault::connecting(cx.plan.target, &error), cx),
        }
    }

    /// Does what can be done now.
    pub(crate) fn drive(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        let result = match self.state {
            State::Closed => Ok(self.reopen(cx)),
            State::Connecting(since_ns) if self.writable => self.connected(since_ns, cx),
            State::Connecting(_) if !cx.is_over(cx.clock.now_ns()) => Ok(Next::Wait),
            State::Connecting(_) => Ok(self.end(cx)),
            State::Open => self.converse(cx),
            State::Inspecting(..) => self.inspect(cx),
            State::Finishing(_) => self.await_end(cx),
            State::Over => Ok(Next::Over),
        };
        result.unwrap_or_else(|fault| self.fail(fault, cx))
    }

    /// Looks whether patience with the connection is over.
    pub(crate) fn check(&mut self, now_ns: u64, cx: &mut ThreadContext<'_>) -> Next {
        let since_ns = match self.state {
            State::Connecting(since_ns) | State::Finishing(since_ns) => Some(since_ns),
            State::Open => self.exchange.oldest_sent_ns(),
            State::Closed | State::Inspecting(..) | State::Over => None,
        };
        let timeout = cx.plan.timeout;
        if since_ns.is_none_or(|since_ns| now_ns < since_ns.saturating_add(cx.timeout_ns)) {
            return Next::Wait;
        }
        let fault = match self.state {
            State::Connecting(_) => {
                let text = format!("connect to {}: no answer within {timeout:?}", cx.plan.target);
                Fault::new(Kind::Timeout, text)
            }
            State::Finishing(_) => {
                let text = format!("the end of the stream did not come within {timeout:?}");
                Fault::new(Kind::Timeout, text)
            }
            _ => Fault::late(&self.exchange, timeout),
        };
        self.fail(fault, cx)
    }

    /// The load is given up: nothing more is waited for. What was seen to be wrong is told.
    pub(crate) fn abandon(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        if let State::Inspecting(wrong, _) = &self.state {
            let fault = Fault::corrupt(cx.content, &self.exchange, wrong);
            return self.fail(fault, cx);
        }
        self.end(cx)
    }

    fn end(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        self.close(cx);
        self.state = State::Over;
        self.was_tried = true;
        Next::Over
    }

    /// Closed: is it time to open?
    fn reopen(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        let now_ns = cx.clock.now_ns();
        if cx.is_over(now_ns) {
            return self.end(cx);
        }
        let due_ns = match (&self.arrivals, cx.start_ns) {
            // Where each message has its connection, that is opened when the message is due.
            (Some(arrivals), Some(start_ns)) if cx.plan.messages_per_connection.is_some() => {
                start_ns.saturating_add(arrivals.due_ns())
            }
            _ => 0,
        };
        match due_ns.max(self.closed_until_ns) {
            until_ns if until_ns > now_ns => Next::WaitUntil(until_ns),
            _ => Next::Open,
        }
    }

    /// Time does not end a run that counts messages: a server that is gone, or mute, has to. Asked when
    /// a try has just failed: how long a connection waits to be tried says nothing about the server.
    fn is_hopeless(&self, now_ns: u64, cx: &ThreadContext<'_>) -> bool {
        let Limit::Count(_) = cx.plan.limit else { return false };
        let is_past = |since_ns: u64| now_ns >= since_ns.saturating_add(cx.timeout_ns);
        [self.unreachable_since_ns, self.unanswered_since_ns].into_iter().flatten().any(is_past)
    }

    fn connected(&mut self, since_ns: u64, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        let Some(stream) = &self.stream else { return Ok(Next::Wait) };
        let connecting = |error| Fault::connecting(cx.plan.target, &error);
        if let Some(error) = stream.take_error().map_err(connecting)? {
            return Err(connecting(error));
        }
        if is_connected_to_itself(stream) {
            return Err(connecting(ErrorKind::ConnectionRefused.into()));
        }
        let now_ns = cx.clock.now_ns();
        cx.connected(since_ns, now_ns);
        self.state = State::Open;
        self.was_open = true;
        self.was_tried = true;
        self.unreachable_since_ns = None;
        self.note_missing(now_ns, cx);
        (self.free_since_ns, self.late_ns) = (now_ns, 0);
        self.messages_left = self.messages_of_a_connection(cx.plan);
        self.exchange.restart();
        self.converse(cx)
    }

    /// A burst that is due is not divided: nothing would be due when its rest is to be sent.
    fn messages_of_a_connection(&self, plan: &Plan) -> u64 {
        let count = plan.messages_per_connection.unwrap_or(u64::MAX);
        match self.arrivals {
            None => count,
            Some(_) => count.checked_next_multiple_of(plan.send_burst.into()).unwrap_or(count),
        }
    }

    /// Sends what may be sent and takes what comes, until an event is needed or the turn is over.
    fn converse(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        let mut budget = TURN_BUDGET;
        loop {
            let until_ns = self.take_on(cx);
            self.flush(cx)?;
            if self.exchange.in_flight() == 0 && self.is_finished(cx) {
                return self.finish(cx);
            }
            if !self.readable {
                return Ok(until_ns.map_or(Next::Wait, Next::WaitUntil));
            }
            if budget == 0 {
                return Ok(Next::Turn);
            }
            budget = budget.saturating_sub(self.receive(cx)?);
            if matches!(self.state, State::Inspecting(..)) {
                return self.inspect(cx);
            }
        }
    }

    fn is_finished(&self, cx: &ThreadContext<'_>) -> bool {
        self.messages_left == 0 || cx.is_over(cx.clock.now_ns())
    }

    /// Messages that may be in flight beyond those that are.
    fn room(&self, cx: &ThreadContext<'_>) -> u64 {
        u64::from(cx.plan.depth) - self.exchange.in_flight()
    }

    /// Takes on the messages that may be sent now. Returns when the next is due, if that is what it
    /// waits for.
    fn take_on(&mut self, cx: &mut ThreadContext<'_>) -> Option<u64> {
        let start_ns = cx.start_ns?;
        let burst = u64::from(cx.plan.send_burst);
        if self.room(cx) < burst || self.messages_left == 0 {
            return None;
        }
        let now_ns = cx.clock.now_ns();
        if now_ns < start_ns {
            return None;
        }
        if self.arrivals.is_some() {
            return self.take_on_due(start_ns, now_ns, cx);
        }
        if !cx.is_over(now_ns) {
            let room = self.room(cx);
            self.send(room - room % burst, Times { due_ns: now_ns, sent_ns: now_ns }, cx);
        }
        None
    }

    fn take_on_due(
        &mut self,
        start_ns: u64,
        now_ns: u64,
        cx: &mut ThreadContext<'_>,
    ) -> Option<u64> {
        let burst = u64::from(cx.plan.send_burst);
        while self.room(cx) >= burst && self.messages_left > 0 {
            let arrivals = self.arrivals.as_mut()?;
            let due_ns = start_ns.saturating_add(arrivals.due_ns());
            if cx.is_stopped || cx.quota == 0 || due_ns >= cx.end_ns {
                return None;
            }
            if due_ns > now_ns {
                return Some(due_ns);
            }
            // What it was not free for until the end is not sent. What is only late, is.
            if now_ns >= cx.end_ns && self.free_since_ns >= cx.end_ns {
                return None;
            }
            arrivals.advance();
            self.late_ns = now_ns - due_ns.max(self.free_since_ns);
            cx.recorder.late(due_ns, self.late_ns);
            self.send(burst, Times { due_ns, sent_ns: now_ns }, cx);
        }
        None
    }

    fn send(&mut self, count: u64, times: Times, cx: &mut ThreadContext<'_>) {
        let mut count = count.min(self.messages_left);
        if cx.recorder.window.contains(times.due_ns) {
            count = count.min(cx.quota);
            cx.quota -= count;
            cx.recorder.sent += count;
        }
        self.messages_left -= count;
        self.exchange.send(count, times);
    }

    /// Hands to the system what is to be sent, as long as it takes something.
    fn flush(&mut self, cx: &mut ThreadContext<'_>) -> Result<(), Fault> {
        while self.writable && self.exchange.has_unsent() {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            let filled = self.exchange.fill(cx.content, &mut cx.out);
            match system::send(stream, &cx.out[..filled.len()]) {
                Ok(len) => {
                    self.writable = len == filled.len() || !SHORT_MEANS_WOULD_BLOCK;
                    self.exchange.sent(cx.content, filled, len);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.writable = false,
                    ErrorKind::Interrupted => {}
                    _ => return Err(Fault::broken("send", &error, &self.exchange)),
                },
            }
        }
        Ok(())
    }

    /// Reads once and checks what came. Returns what that takes from the turn's budget.
    fn receive(&mut self, cx: &mut ThreadContext<'_>) -> Result<usize, Fault> {
        let len = match self.read(cx) {
            Ok(Some(0)) => return Err(Fault::ended(cx.content, &self.exchange)),
            Ok(Some(len)) => len,
            Ok(None) => return Ok(cx.buffer.len()),
            Err(error) => return Err(Fault::broken("receive", &error, &self.exchange)),
        };
        let now_ns = cx.clock.now_ns();
        let received_ns = cx.stamps.as_ref().and_then(|stamps| stamps.received_ns(now_ns));
        let came = Came { read_ns: now_ns, received_ns };
        let was_full = self.room(cx) < u64::from(cx.plan.send_burst);
        let bytes = &cx.buffer[..len];
        let (number, recorder) = (self.number(), &mut cx.recorder);
        recorder.tally.bytes += len as u64;
        let result = self.exchange.receive(cx.content, bytes, |times, count, len| {
            recorder.back(number, times, came, count, len);
            self.unanswered_since_ns = None;
        });
        if let Err(wrong) = result {
            self.state = State::Inspecting(wrong, now_ns + INSPECTION_NS);
        }
        self.pause_ns = FIRST_PAUSE_NS;
        if was_full && self.room(cx) >= u64::from(cx.plan.send_burst) {
            // What came back was late, so this is: who was late before has no excuse.
            self.free_since_ns = now_ns.saturating_sub(self.late_ns);
        }
        Ok(len)
    }

    /// Reads once. `None`: nothing is there, or a signal came first.
    fn read(&mut self, cx: &mut ThreadContext<'_>) -> io::Result<Option<usize>> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let result = match &mut cx.stamps {
            None => system::receive(stream, &mut cx.buffer),
            Some(stamps) => stamps.receive(stream, &mut cx.buffer),
        };
        match result {
            Ok(len) => {
                let is_short = SHORT_MEANS_WOULD_BLOCK && len < cx.buffer.len();
                self.readable = !is_short || self.drain;
                Ok(Some(len))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads on for a moment after something wrong came, then says what it was.
    fn inspect(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        let enough = INSPECTION_LINES * cx.content.max_len();
        loop {
            let is_readable = self.readable;
            let came = if is_readable { self.read(cx) } else { Ok(None) };
            let State::Inspecting(wrong, until_ns) = &mut self.state else { return Ok(Next::Wait) };
            let is_over = match came {
                Ok(Some(len)) if len > 0 => {
                    wrong.bytes_mut().extend_from_slice(&cx.buffer[..len]);
                    wrong.bytes_mut().len() >= enough
                }
                Ok(None) if is_readable => continue,
                Ok(None) => cx.clock.now_ns() >= *until_ns || wrong.bytes_mut().len() >= enough,
                Ok(Some(_)) | Err(_) => true,
            };
            if is_over {
                return Err(Fault::corrupt(cx.content, &self.exchange, wrong));
            }
            if !is_readable {
                return Ok(Next::WaitUntil(*until_ns));
            }
        }
    }

    /// All that was asked of this connection is back: finishes this side.
    fn finish(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        if let Some(stream) = &self.stream {
            let finished = stream.shutdown(Shutdown::Write);
            finished.map_err(|error| Fault::broken("finish", &error, &self.exchange))?;
        }
        self.state = State::Finishing(cx.clock.now_ns());
        self.await_end(cx)
    }

    /// Nothing more may come but the end of the stream.
    fn await_end(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        while self.readable {
            match self.read(cx) {
                Ok(Some(0)) => {
                    self.close(cx);
                    return Ok(self.reopen(cx));
                }
                Ok(Some(len)) => {
                    let wrong = Wrong::Surplus(cx.buffer[..len].to_vec());
                    self.state = State::Inspecting(wrong, cx.clock.now_ns() + INSPECTION_NS);
                    return self.inspect(cx);
                }
                Ok(None) => {}
                Err(error) => return Err(Fault::broken("receive", &error, &self.exchange)),
            }
        }
        Ok(Next::Wait)
    }

    fn close(&mut self, cx: &mut ThreadContext<'_>) {
        let is_open = !matches!(self.state, State::Closed | State::Connecting(_) | State::Over);
        cx.open -= u64::from(is_open);
        self.stream = None;
        self.state = State::Closed;
    }

    /// Since it failed it was not there, up to `now_ns`.
    pub(crate) fn note_missing(&mut self, now_ns: u64, cx: &mut ThreadContext<'_>) {
        if let Some(since_ns) = self.missing_since_ns.take() {
            cx.recorder.missing(since_ns, now_ns);
        }
    }

    /// The connection ended other than it should. Another takes its place after a pause.
    fn fail(&mut self, fault: Fault, cx: &mut ThreadContext<'_>) -> Next {
        let now_ns = cx.clock.now_ns();
        cx.recorder.fault(fault, self.number(), now_ns);
        match self.state {
            State::Closed => _ = self.unreachable_since_ns.get_or_insert(now_ns),
            State::Connecting(since_ns) => _ = self.unreachable_since_ns.get_or_insert(since_ns),
            State::Open | State::Inspecting(..) if self.exchange.in_flight() > 0 => {
                self.unanswered_since_ns.get_or_insert(now_ns);
            }
            State::Open | State::Inspecting(..) | State::Finishing(_) | State::Over => {}
        }
        self.missing_since_ns.get_or_insert(now_ns);
        self.close(cx);
        self.was_tried = true;
        self.closed_until_ns = now_ns + self.pause_ns;
        self.pause_ns = (2 * self.pause_ns).min(MAX_PAUSE_NS);
        if self.is_hopeless(now_ns, cx) { self.end(cx) } else { self.reopen(cx) }
    }
}

/// Where nobody listens, the system may choose the very port that is connected to: such a connection
/// echoes everything, and there is no server.
fn is_connected_to_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}
