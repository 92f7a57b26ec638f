//! A connection on a stream that follows a script: what no real socket does on demand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::*;
use crate::engine::protocol::content::{Content, Id};
use crate::engine::protocol::recorder::Recorder;
use crate::engine::protocol::window::Window;
use crate::engine::system::clock::Clock;
use crate::plan::{Limit, Plan};

/// What a stream does at its next calls, and what it was sent. When a script is over, a call blocks.
#[derive(Debug, Default)]
struct Script {
    receives: VecDeque<io::Result<Vec<u8>>>,
    /// How many bytes the next sends take.
    sends: VecDeque<io::Result<usize>>,
    sent: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Scripted(Rc<RefCell<Script>>);

impl Stream for Scripted {
    fn check_connected(&self) -> io::Result<()> {
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let next = self.0.borrow_mut().receives.pop_front();
        let bytes = next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(Received { len: bytes.len(), age: None })
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let script = &mut *self.0.borrow_mut();
        let next = script.sends.pop_front();
        let len = next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?.min(bytes.len());
        script.sent.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn finish(&self) -> io::Result<()> {
        Ok(())
    }
}

const WRITABLE: Readiness =
    Readiness { readable: false, writable: true, read_until_blocked: false };
const READABLE: Readiness =
    Readiness { readable: true, writable: false, read_until_blocked: false };

/// Opens a connection of a closed loop on a stream with this script, and gives it its first turn.
fn with_connection(
    script: Script,
    act: impl FnOnce(&mut Connection<Scripted>, &mut ThreadContext<'_>, &Scripted),
) {
    let target = ([127, 0, 0, 1], 9).into();
    let plan =
        Plan { connections: 1, ..Plan::new(target, Limit::Duration(std::time::Duration::MAX)) };
    let content = Content::new(plan.seed, &plan.sizes);
    let orders = Orders { start_ns: Some(0), ..Orders::new(&plan, &content) };
    let mut cx = ThreadContext::new(orders, Clock::start(), Recorder::new(&plan, 0));
    cx.recorder.window = Window { start_ns: 0, end_ns: u64::MAX };
    let stream = Scripted(Rc::new(RefCell::new(script)));
    let mut connection = Connection::new(&cx.orders, 0);
    assert_eq!(connection.open(&mut cx, |_| Ok(stream.clone())), Next::Wait);
    connection.mark(WRITABLE);
    connection.drive(&mut cx);
    act(&mut connection, &mut cx, &stream);
}

fn line(cx: &ThreadContext<'_>, sequence: u64) -> Vec<u8> {
    cx.orders.content.line(Id { connection: 0, sequence }).to_vec()
}

#[test]
fn a_line_that_was_taken_in_part_is_finished_when_there_is_room() {
    let script = Script { sends: [Ok(3)].into(), ..Script::default() };
    with_connection(script, |connection, cx, stream| {
        assert_eq!(stream.0.borrow().sent, line(cx, 0)[..3]);
        stream.0.borrow_mut().sends = [Err(ErrorKind::Interrupted.into()), Ok(usize::MAX)].into();
        connection.mark(WRITABLE);
        assert_eq!(connection.drive(cx), Next::Wait);
        assert_eq!(stream.0.borrow().sent, line(cx, 0));
    });
}

#[test]
fn a_signal_while_receiving_is_neither_an_end_nor_an_error() {
    let script = Script { sends: [Ok(usize::MAX), Ok(usize::MAX)].into(), ..Script::default() };
    with_connection(script, |connection, cx, stream| {
        let reply = line(cx, 0);
        let signal = || Err(ErrorKind::Interrupted.into());
        stream.0.borrow_mut().receives = [signal(), Ok(reply), signal()].into();
        connection.mark(READABLE);
        connection.drive(cx);
        assert_eq!((cx.recorder.verified, cx.recorder.tally.errors), (1, 0));
        assert_eq!(stream.0.borrow().sent, [line(cx, 0), line(cx, 1)].concat());
    });
}

#[test]
fn a_reset_is_an_error_and_the_next_connection_waits_a_moment() {
    let script = Script { sends: [Ok(usize::MAX)].into(), ..Script::default() };
    with_connection(script, |connection, cx, stream| {
        stream.0.borrow_mut().receives = [Err(ErrorKind::ConnectionReset.into())].into();
        connection.mark(READABLE);
        let next = connection.drive(cx);
        assert!(matches!(next, Next::WaitUntil(_)), "{next:?}");
        assert_eq!((cx.recorder.errors.reset, cx.open), (1, 0));
    });
}
