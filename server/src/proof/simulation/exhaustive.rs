//! Walks everything that can happen to one connection with a short input: every division into
//! chunks, every length of every write, blocked writes, and the peer's end or reset at every place.
//!
//! A path is a list of choices, and the walk takes every path. It stops where a path reaches a state
//! that an earlier path has reached, because the rest depends on the state alone.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::num::NonZeroUsize;
use std::rc::Rc;

use super::oracle::due_len;
use crate::connection::{Connection, Next, WorkerContext};
use crate::echo::{Echo, Framing};
use crate::limits::Limits;
use crate::records::Records;
use crate::seams::close_reason::CloseReason;
use crate::seams::stream::{Interest, Readiness, Stream};

/// Maximum length of an input. Inputs consist of `a` and newlines.
const MAX_INPUT_LEN: u32 = 8;

/// Number of paths. It is pinned so that the walk changes only on purpose.
const PATHS: usize = 10_209_562;

/// The choices of one path, made in order.
#[derive(Default)]
struct Choices {
    /// Each choice, and the number of alternatives that it had.
    made: Vec<(usize, usize)>,
    next: usize,
}

impl Choices {
    /// Returns the next choice of this path, a number below `count`.
    fn choose(&mut self, count: usize) -> usize {
        if self.next == self.made.len() {
            self.made.push((0, count));
        }
        self.next += 1;
        self.made[self.next - 1].0
    }

    /// Returns whether the path so far differs from every path that was walked before.
    fn is_new(&self) -> bool {
        self.next == self.made.len()
    }

    /// Moves on to the next path, which differs from this one in a choice that was made. Returns
    /// false after the last path.
    fn advance(&mut self) -> bool {
        self.made.truncate(self.next);
        self.next = 0;
        while let Some((chosen, count)) = self.made.pop() {
            if chosen + 1 < count {
                self.made.push((chosen + 1, count));
                return true;
            }
        }
        false
    }
}

/// How the peer ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Fin,
    Reset,
}

/// The connection's stream. The choices of the path decide what it does.
struct Scripted {
    choices: Rc<RefCell<Choices>>,
    state: Rc<RefCell<State>>,
}

/// What has happened at the stream.
#[derive(Debug)]
struct State {
    /// Bytes that have arrived and are unread.
    unread: Vec<u8>,
    received_len: usize,
    echoed: Vec<u8>,
    end: End,
    /// A write was short. The stream takes no more bytes until an event says that there is room.
    blocked: bool,
}

impl State {
    /// Returns what an event says now to a connection that waits for bytes.
    fn readiness(&self) -> Option<Readiness> {
        let read_until_blocked = self.end != End::NotYet;
        (read_until_blocked || !self.unread.is_empty())
            .then_some(Readiness { readable: true, read_until_blocked })
    }
}

/// Gives the connection turns until it waits for an event.
fn drive(
    connection: &mut Connection<Scripted>,
    cx: &mut WorkerContext<Records>,
) -> Result<Next, CloseReason> {
    loop {
        match connection.drive(cx)? {
            Next::Turn => {}
            next => return Ok(next),
        }
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.borrow().fmt(f)
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = &mut *self.state.borrow_mut();
        match (state.unread.len(), state.end) {
            (0, End::Reset) => Err(ErrorKind::ConnectionReset.into()),
            (0, End::Fin) => Ok(0),
            (0, End::NotYet) => Err(ErrorKind::WouldBlock.into()),
            (len, _) => {
                buffer[..len].copy_from_slice(&state.unread);
                state.unread.clear();
                state.received_len += len;
                Ok(len)
            }
        }
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let state = &mut *self.state.borrow_mut();
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
        assert!(!bytes.is_empty(), "the connection writes nothing");
        if state.end == End::Reset {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let len = if state.blocked { 0 } else { self.choices.borrow_mut().choose(bytes.len() + 1) };
        state.blocked = len < bytes.len();
        state.echoed.extend(&bytes[..len]);
        if len == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Scripted {
    fn finish(&self) -> io::Result<()> {
        Ok(())
    }

    fn acked_len(&self) -> Option<u64> {
        None
    }

    fn begin_end(&mut self) -> usize {
        0
    }
}

struct Case<'a> {
    framing: Framing,
    max_line_length: usize,
    input: &'a [u8],
}

impl Case<'_> {
    /// Walks all paths and returns their number.
    fn walk(&self) -> usize {
        let max = NonZeroUsize::new(self.max_line_length).unwrap();
        let records = Records::new(0, self.framing);
        let echo = Echo::new(self.framing, max);
        let mut cx = WorkerContext::new(echo, Limits::SHIPPED, records);
        let choices = Rc::new(RefCell::new(Choices::default()));
        let mut seen = HashSet::new();
        let mut paths = 0;
        loop {
            self.follow(&choices, &mut seen, &mut cx);
            paths += 1;
            if !choices.borrow_mut().advance() {
                return paths;
            }
        }
    }

    /// Follows one path to its end, or to a state that an earlier path has reached.
    fn follow(
        &self,
        choices: &Rc<RefCell<Choices>>,
        seen: &mut HashSet<String>,
        cx: &mut WorkerContext<Records>,
    ) {
        let state = State {
            unread: vec![],
            received_len: 0,
            echoed: vec![],
            end: End::NotYet,
            blocked: false,
        };
        let state = Rc::new(RefCell::new(state));
        let stream = Scripted { choices: Rc::clone(choices), state: Rc::clone(&state) };
        let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 1)).into();
        let mut connection = Connection::new(stream, peer, 1, 0);
        let mut interest = Interest::Readable;
        let mut arrived = 0;
        loop {
            let is_new = choices.borrow().is_new();
            if is_new && !seen.insert(format!("{arrived} {interest:?} {connection:?}")) {
                return;
            }
            let event = self.next_event(&mut choices.borrow_mut(), &state, interest, &mut arrived);
            let mut event = Some(event);
            while let Some(readiness) = event.take() {
                connection.mark(readiness);
                match drive(&mut connection, cx) {
                    Ok(Next::Watch(Interest::Readable)) => {
                        interest = Interest::Readable;
                        // The event queue looks at the state when the interest changes.
                        event = state.borrow().readiness();
                    }
                    Ok(Next::Watch(Interest::Writable)) => interest = Interest::Writable,
                    Ok(Next::Wait | Next::Turn) => {}
                    Err(reason) => return self.check_end(&state.borrow(), reason),
                }
            }
            connection.invariants(cx);
            self.check_step(&state.borrow(), interest);
        }
    }

    /// Makes the next event happen, which is bytes, the end, or room to write. Returns what it says.
    fn next_event(
        &self,
        choices: &mut Choices,
        state: &RefCell<State>,
        interest: Interest,
        arrived: &mut usize,
    ) -> Readiness {
        let state = &mut *state.borrow_mut();
        let left = &self.input[*arrived..];
        let can_end = state.end == End::NotYet;
        // Either only room is left to come, or the path chooses that room comes first.
        if interest == Interest::Writable && (!can_end || choices.choose(2) == 0) {
            state.blocked = false;
            return Readiness { readable: false, read_until_blocked: state.end != End::NotYet };
        }
        // Bytes arrive, and the end may come with them. Without bytes, the end comes alone.
        let len = if left.is_empty() { 0 } else { choices.choose(left.len() + 1) };
        state.unread.extend(&left[..len]);
        *arrived += len;
        if len == 0 || choices.choose(2) == 0 {
            state.end = [End::Fin, End::Reset][choices.choose(2)];
        }
        match interest {
            Interest::Readable => {
                Readiness { readable: true, read_until_blocked: state.end != End::NotYet }
            }
            // The connection has not asked for bytes. It learns of them when it asks.
            Interest::Writable => {
                Readiness { readable: false, read_until_blocked: state.end == End::Reset }
            }
        }
    }

    fn check_step(&self, state: &State, interest: Interest) {
        assert!(self.input.starts_with(&state.echoed), "the echo differs from the input");
        let due = due_len(self.framing, self.max_line_length, &self.input[..state.received_len]);
        match interest {
            // A connection that waits for bytes owes nothing and has not missed the end.
            Interest::Readable => {
                assert_eq!((state.echoed.len(), state.end), (due, End::NotYet), "{state:?}");
            }
            Interest::Writable => assert!(state.echoed.len() <= state.received_len, "{state:?}"),
        }
    }

    fn check_end(&self, state: &State, reason: CloseReason) {
        assert!(self.input.starts_with(&state.echoed), "the echo differs from the input");
        match reason {
            CloseReason::Finished => {
                assert_eq!(state.end, End::Fin);
                assert_eq!((state.unread.len(), state.echoed.len()), (0, state.received_len));
            }
            reason => assert_eq!((reason, state.end), (CloseReason::Reset, End::Reset)),
        }
    }
}

#[test]
fn whatever_happens_to_a_short_input_the_echo_is_right() {
    let mut paths = 0;
    for len in 0..=MAX_INPUT_LEN {
        for bits in 0..1_u32 << len {
            let input: Vec<u8> =
                (0..len).map(|bit| if bits >> bit & 1 == 1 { b'\n' } else { b'a' }).collect();
            for (framing, max_line_length) in
                [1, 2, 3, 8].map(|max| (Framing::Line, max)).into_iter().chain([(Framing::Raw, 1)])
            {
                paths += Case { framing, max_line_length, input: &input }.walk();
            }
        }
    }
    assert_eq!(paths, PATHS, "the number of paths has changed; if that is intended, update PATHS");
}
