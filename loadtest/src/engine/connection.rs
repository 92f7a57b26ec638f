//! One connection of the load and those that replace it: opens it, moves the lines of its
//! [`Conversation`] within a budget, finishes it.
//!
//! Knows neither sockets nor threads nor how the thread waits for events. The driver opens the stream
//! ([`Connection::open`]), passes on what events said ([`Connection::mark`]), gives turns
//! ([`Connection::drive`]) and looks for timeouts ([`Connection::check`]).

#[cfg(test)]
mod seam_tests;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::io::{self, ErrorKind};

use echo_common::socket::SHORT_MEANS_WOULD_BLOCK;

use super::context::ThreadContext;
use super::protocol::conversation::Conversation;
use super::protocol::exchange::Wrong;
use super::protocol::fault::Fault;
use super::protocol::inspection::Inspection;
use super::protocol::orders::Orders;
use super::protocol::recorder::Receipt;
use super::protocol::retries::{Failure, Retries};
use super::stream::{Readiness, Received, Stream};

/// How much one connection may receive in one turn before the others get theirs.
const TURN_BUDGET: usize = 1 << 20;

/// A stage in the life of a connection.
#[derive(Debug)]
enum State {
    /// There is no connection. It is opened at its time, or when it is given its turn.
    Closed,
    /// The connection is being made, since this time.
    Connecting(u64),
    /// Messages are exchanged.
    Open,
    /// Wrong bytes came, and what follows them is read to see what is wrong.
    Inspecting(Inspection),
    /// Everything is back and this side has finished, at this time: waits for the end of the stream.
    Finishing(u64),
    /// No more connections are opened.
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
    /// To be opened, when connections may be opened.
    Open,
    /// Nothing: it is over.
    Over,
}

/// The result of the attempts to open a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempts {
    /// The first attempt is still under way.
    Pending,
    /// All have failed so far.
    Failed,
    /// At least one has succeeded.
    Succeeded,
}

/// One connection of the load.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    state: State,
    stream: Option<S>,
    conversation: Conversation,
    retries: Retries,
    ready: Readiness,
    attempts: Attempts,
}

impl<S: Stream> Connection<S> {
    /// Returns the connection with this number, not open yet.
    pub(crate) fn new(orders: &Orders<'_>, number: u64) -> Self {
        Self {
            state: State::Closed,
            stream: None,
            conversation: Conversation::new(orders.plan, number),
            retries: Retries::new(),
            ready: Readiness::default(),
            attempts: Attempts::Pending,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.conversation.number()
    }

    /// Returns whether the connection was open at least once.
    pub(crate) fn was_open(&self) -> bool {
        self.attempts == Attempts::Succeeded
    }

    /// Returns whether the first attempt to open the connection is over, one way or the other.
    pub(crate) fn was_tried(&self) -> bool {
        self.attempts != Attempts::Pending
    }

    /// Returns how many bursts were due between these times and were not sent.
    pub(crate) fn unsent_bursts(&self, start_ns: u64, from_ns: u64, end_ns: u64) -> u64 {
        self.conversation.unsent_bursts(start_ns, from_ns, end_ns)
    }

    /// Notes what an event said.
    pub(crate) fn mark(&mut self, event: Readiness) {
        self.ready.add(event);
    }

    /// Starts to open the connection, which is closed. `connect` starts a connection with this number.
    pub(crate) fn open(
        &mut self,
        cx: &mut ThreadContext<'_>,
        connect: impl FnOnce(u64) -> io::Result<S>,
    ) -> Next {
        debug_assert!(matches!(self.state, State::Closed), "{:?} is not to be opened", self.state);
        let now_ns = cx.clock.now_ns();
        if cx.orders.is_over(now_ns) {
            return self.end(cx);
        }
        self.ready = Readiness::default();
        match connect(self.number()) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.state = State::Connecting(now_ns);
                Next::Wait
            }
            Err(error) => self.fail(Fault::connecting(cx.orders.plan.target, &error), cx),
        }
    }

    /// Does what can be done now.
    pub(crate) fn drive(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        let result = match self.state {
            State::Closed => Ok(self.reopen(cx)),
            State::Connecting(since_ns) if self.ready.writable => self.connected(since_ns, cx),
            State::Connecting(_) if !cx.orders.is_over(cx.clock.now_ns()) => Ok(Next::Wait),
            State::Connecting(_) => Ok(self.end(cx)),
            State::Open => self.converse(cx),
            State::Inspecting(_) => self.inspect(cx),
            State::Finishing(_) => self.await_end(cx),
            State::Over => Ok(Next::Over),
        };
        result.unwrap_or_else(|fault| self.fail(fault, cx))
    }

    /// Ends the connection if it has taken longer than the timeout.
    pub(crate) fn check(&mut self, now_ns: u64, cx: &mut ThreadContext<'_>) -> Next {
        let orders = &cx.orders;
        let (target, timeout) = (orders.plan.target, orders.plan.timeout);
        let fault = match self.state {
            State::Connecting(since_ns) if orders.has_timed_out(since_ns, now_ns) => {
                Fault::no_connection(target, timeout)
            }
            State::Finishing(since_ns) if orders.has_timed_out(since_ns, now_ns) => {
                Fault::no_end(timeout)
            }
            State::Open if self.conversation.is_late(now_ns, orders) => {
                Fault::late(&self.conversation.exchange, timeout)
            }
            _ => return Next::Wait,
        };
        self.fail(fault, cx)
    }

    /// Gives the connection up: nothing more is waited for. Wrong bytes that were seen are recorded.
    pub(crate) fn abandon(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        match &self.state {
            State::Inspecting(inspection) => {
                let fault = self.corrupt(inspection, cx);
                self.fail(fault, cx)
            }
            _ => self.end(cx),
        }
    }

    fn end(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        self.close(cx);
        self.state = State::Over;
        self.note_failed_attempt();
        Next::Over
    }

    fn note_failed_attempt(&mut self) {
        if self.attempts == Attempts::Pending {
            self.attempts = Attempts::Failed;
        }
    }

    /// Says whether it is time to open the connection, which is closed.
    fn reopen(&mut self, cx: &mut ThreadContext<'_>) -> Next {
        let now_ns = cx.clock.now_ns();
        if cx.orders.is_over(now_ns) {
            return self.end(cx);
        }
        let opening_ns = self.conversation.opening_ns(&cx.orders);
        match opening_ns.max(self.retries.closed_until_ns()) {
            until_ns if until_ns > now_ns => Next::WaitUntil(until_ns),
            _ => Next::Open,
        }
    }

    fn connected(&mut self, since_ns: u64, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        let Some(stream) = &self.stream else { return Ok(Next::Wait) };
        let connecting = |error| Fault::connecting(cx.orders.plan.target, &error);
        stream.check_connected().map_err(connecting)?;
        let now_ns = cx.clock.now_ns();
        cx.connected(since_ns, now_ns);
        self.state = State::Open;
        self.attempts = Attempts::Succeeded;
        self.retries.connected();
        self.note_missing(now_ns, cx);
        self.conversation.begin(cx.orders.plan, now_ns);
        self.converse(cx)
    }

    /// Sends what may be sent and takes what comes, until an event is needed or the turn is over.
    fn converse(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        let mut budget = TURN_BUDGET;
        loop {
            let until_ns = self.take_on(cx);
            self.flush(cx)?;
            if self.conversation.is_quiet() && self.is_finished(cx) {
                return self.finish(cx);
            }
            if !self.ready.readable {
                return Ok(until_ns.map_or(Next::Wait, Next::WaitUntil));
            }
            if budget == 0 {
                return Ok(Next::Turn);
            }
            budget = budget.saturating_sub(self.receive(cx)?);
            if matches!(self.state, State::Inspecting(_)) {
                return self.inspect(cx);
            }
        }
    }

    fn is_finished(&self, cx: &ThreadContext<'_>) -> bool {
        self.conversation.has_said_all() || cx.orders.is_over(cx.clock.now_ns())
    }

    /// Lets messages out. Returns when the next is due, if the connection has to wait for that. The
    /// clock is read only if a message could go out.
    fn take_on(&mut self, cx: &mut ThreadContext<'_>) -> Option<u64> {
        if !self.conversation.is_free(&cx.orders) {
            return None;
        }
        let now_ns = cx.clock.now_ns();
        self.conversation.take_on(now_ns, &mut cx.orders, &mut cx.recorder)
    }

    /// Hands to the system what is to be sent, as long as the system takes something.
    fn flush(&mut self, cx: &mut ThreadContext<'_>) -> Result<(), Fault> {
        let exchange = &mut self.conversation.exchange;
        while self.ready.writable && exchange.has_unsent() {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            let filled = exchange.fill(cx.orders.content, &mut cx.out);
            match stream.send(&cx.out[..filled.len()]) {
                Ok(len) => {
                    self.ready.writable = len == filled.len() || !SHORT_MEANS_WOULD_BLOCK;
                    exchange.sent(cx.orders.content, filled, len);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.ready.writable = false,
                    ErrorKind::Interrupted => {}
                    _ => return Err(Fault::broken("send", &error, exchange)),
                },
            }
        }
        Ok(())
    }

    /// Reads once and checks the bytes. Returns how much that takes from the turn's budget.
    fn receive(&mut self, cx: &mut ThreadContext<'_>) -> Result<usize, Fault> {
        let received = match self.read(cx)? {
            Some(Received { len: 0, .. }) => {
                return Err(Fault::ended(cx.orders.content, &self.conversation.exchange));
            }
            Some(received) => received,
            None => return Ok(cx.buffer.len()),
        };
        let read_ns = cx.clock.now_ns();
        let receipt = Receipt { read_ns, received_ns: received.received_ns(read_ns) };
        let (bytes, next_back) =
            (&cx.buffer[..received.len], self.conversation.exchange.next_back());
        let result = self.conversation.receive(bytes, receipt, &cx.orders, &mut cx.recorder);
        if let Err(wrong) = result {
            self.state = State::Inspecting(Inspection::new(wrong, read_ns));
        }
        self.retries.received();
        if self.conversation.exchange.next_back() > next_back {
            self.retries.answered();
        }
        Ok(received.len)
    }

    /// Reads once. Returns `None` when nothing is there, or a signal came first.
    fn read(&mut self, cx: &mut ThreadContext<'_>) -> Result<Option<Received>, Fault> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        match stream.receive(&mut cx.buffer) {
            Ok(received) => {
                let is_short = SHORT_MEANS_WOULD_BLOCK && received.len < cx.buffer.len();
                self.ready.readable = !is_short || self.ready.read_until_blocked;
                Ok(Some(received))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.ready.readable = false;
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(Fault::broken("receive", &error, &self.conversation.exchange)),
        }
    }

    /// Reads on for a moment after wrong bytes came, then says what was wrong.
    fn inspect(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        let mut is_over = false;
        while self.ready.readable && !is_over {
            let came = self.read(cx);
            let State::Inspecting(inspection) = &mut self.state else { return Ok(Next::Wait) };
            match came {
                Ok(Some(Received { len: 0, .. })) | Err(_) => is_over = true,
                Ok(Some(Received { len, .. })) => {
                    inspection.add(&cx.buffer[..len]);
                    is_over = inspection.has_enough(cx.orders.content);
                }
                Ok(None) => {}
            }
        }
        let State::Inspecting(inspection) = &self.state else { return Ok(Next::Wait) };
        if is_over || inspection.is_over(cx.clock.now_ns(), cx.orders.content) {
            return Err(self.corrupt(inspection, cx));
        }
        Ok(Next::WaitUntil(inspection.until_ns()))
    }

    fn corrupt(&self, inspection: &Inspection, cx: &ThreadContext<'_>) -> Fault {
        Fault::corrupt(cx.orders.content, &self.conversation.exchange, inspection.wrong())
    }

    /// Finishes this side: all messages of this connection are back.
    fn finish(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        if let Some(stream) = &self.stream {
            let exchange = &self.conversation.exchange;
            stream.finish().map_err(|error| Fault::broken("finish", &error, exchange))?;
        }
        self.state = State::Finishing(cx.clock.now_ns());
        self.await_end(cx)
    }

    /// Takes the end of the stream. Nothing else may come.
    fn await_end(&mut self, cx: &mut ThreadContext<'_>) -> Result<Next, Fault> {
        while self.ready.readable {
            match self.read(cx)? {
                Some(Received { len: 0, .. }) => {
                    self.close(cx);
                    return Ok(self.reopen(cx));
                }
                Some(Received { len, .. }) => {
                    let wrong = Wrong::Surplus(cx.buffer[..len].to_vec());
                    self.state = State::Inspecting(Inspection::new(wrong, cx.clock.now_ns()));
                    return self.inspect(cx);
                }
                None => {}
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

    /// Records that the connection was missing from its failure up to `now_ns`, if it failed.
    pub(crate) fn note_missing(&mut self, now_ns: u64, cx: &mut ThreadContext<'_>) {
        if let Some(since_ns) = self.retries.take_missing_since_ns() {
            cx.recorder.missing(since_ns, now_ns);
        }
    }

    /// Ends the connection because of a fault. Another takes its place after a pause.
    fn fail(&mut self, fault: Fault, cx: &mut ThreadContext<'_>) -> Next {
        let now_ns = cx.clock.now_ns();
        cx.recorder.fault(fault, self.number(), now_ns);
        self.retries.failed(self.failure(now_ns), now_ns);
        self.close(cx);
        self.note_failed_attempt();
        if self.retries.is_hopeless(now_ns, &cx.orders) { self.end(cx) } else { self.reopen(cx) }
    }

    /// Returns what a fault in the present state says about the server.
    fn failure(&self, now_ns: u64) -> Failure {
        match self.state {
            State::Closed => Failure::Unreachable(now_ns),
            State::Connecting(since_ns) => Failure::Unreachable(since_ns),
            State::Open | State::Inspecting(_) if !self.conversation.is_quiet() => {
                Failure::Unanswered
            }
            State::Open | State::Inspecting(_) | State::Finishing(_) | State::Over => Failure::Idle,
        }
    }
}
