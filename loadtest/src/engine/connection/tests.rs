use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as Peer};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use socket2::{Domain, Type};

use super::*;
use crate::engine::protocol::content::Content;
use crate::engine::protocol::recorder::Recorder;
use crate::engine::protocol::window::Window;
use crate::engine::system::clock::Clock;
use crate::engine::system::socket::{self, Socket};
use crate::plan::{Limit, Plan};

const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that is driven by hand, and its other end.
struct Stage<'a> {
    cx: ThreadContext<'a>,
    poll: Poll,
    connection: Connection<Socket>,
    peer: Peer,
    deadline: Instant,
}

/// How long a message took, in nanoseconds since it was sent.
struct Took {
    /// Until just before it was echoed.
    before_echo_ns: u64,
    /// Until the echo was seen to be there, unread.
    there_ns: u64,
    /// As it was recorded.
    recorded_ns: u64,
}

/// Drives a connection from the beginning of a load, all of which is measured.
fn with_context(plan: &Plan, act: impl FnOnce(ThreadContext<'_>)) {
    let content = Content::new(plan.seed, &plan.sizes);
    let orders = Orders { start_ns: Some(0), ..Orders::new(plan, &content) };
    let mut cx = ThreadContext::new(orders, Clock::start(), Recorder::new(plan, 0));
    cx.recorder.window = Window { start_ns: 0, end_ns: u64::MAX };
    act(cx);
}

/// Starts to open the connection.
fn open(connection: &mut Connection<Socket>, cx: &mut ThreadContext<'_>, poll: &Poll) -> Next {
    let plan = cx.orders.plan;
    connection.open(cx, |number| socket::connect(plan, number, poll.registry(), Token(0)))
}

fn with_stage(kernel_timestamps: bool, act: impl FnOnce(Stage<'_>)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let plan = Plan {
        connections: 1,
        kernel_timestamps,
        ..Plan::new(target, Limit::Duration(Duration::MAX))
    };
    with_context(&plan, |mut cx| {
        let poll = Poll::new().unwrap();
        let mut connection = Connection::new(&cx.orders, 0);
        assert_eq!(open(&mut connection, &mut cx, &poll), Next::Wait);
        let (peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        act(Stage { cx, poll, connection, peer, deadline: Instant::now() + PATIENCE });
    });
}

/// Waits until events say what is asked for. Reads nothing.
fn wait_until(
    connection: &mut Connection<Socket>,
    poll: &mut Poll,
    deadline: Instant,
    is_there: impl Fn(&Connection<Socket>) -> bool,
) {
    let mut events = Events::with_capacity(1);
    while !is_there(connection) {
        assert!(Instant::now() < deadline, "no event said so");
        poll.poll(&mut events, Some(PATIENCE)).unwrap();
        events.iter().for_each(|event| connection.mark(socket::readiness(event)));
    }
}

/// Tries to open a connection where nobody listens.
fn try_in_vain(connection: &mut Connection<Socket>, cx: &mut ThreadContext<'_>) -> Next {
    let mut poll = Poll::new().unwrap();
    match open(connection, cx, &poll) {
        Next::Wait => {
            let deadline = Instant::now() + PATIENCE;
            wait_until(connection, &mut poll, deadline, |connection| connection.ready.writable);
            connection.drive(cx)
        }
        failed => failed,
    }
}

/// Returns an address on which nobody listens. The socket is bound, so that nobody else gets the port.
fn nobody() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

impl Stage<'_> {
    fn wait_until(&mut self, is_there: impl Fn(&Connection<Socket>) -> bool) {
        wait_until(&mut self.connection, &mut self.poll, self.deadline, is_there);
    }

    fn drive(&mut self) {
        assert_eq!(self.connection.drive(&mut self.cx), Next::Wait);
    }

    /// Echoes the message in flight, and reads it after four times the time that it took. Then the next
    /// message is sent.
    fn echo_and_read_late(&mut self) -> Took {
        let clock = self.cx.clock;
        let sent_ns = self.connection.conversation.exchange.oldest_sent_ns().unwrap();
        let mut line = [0; 128];
        self.peer.read_exact(&mut line).unwrap();
        let before_echo_ns = clock.now_ns() - sent_ns;
        self.peer.write_all(&line).unwrap();
        self.wait_until(|connection| connection.ready.readable);
        let there_ns = clock.now_ns() - sent_ns;
        while clock.now_ns() - sent_ns < 4 * there_ns {}
        self.drive();
        Took { before_echo_ns, there_ns, recorded_ns: self.recorded_ns() }
    }

    /// Stops the kernel's timestamps.
    fn stop_the_stamps(&self) {
        let stream = self.connection.stream.as_ref().unwrap();
        setsockopt(&stream.tcp, ReceiveTimestampns, &false).unwrap();
    }

    /// Returns the longest recorded time since the last call. Histograms round it up a little.
    fn recorded_ns(&mut self) -> u64 {
        let number = self.cx.recorder.piece() + 1;
        self.cx.recorder.turn_to(number, None).latencies.service.max()
    }
}

#[test]
fn by_the_systems_time_a_message_that_is_read_late_is_not_late() {
    with_stage(true, |mut stage| {
        stage.wait_until(|connection| connection.ready.writable);
        stage.drive();
        // The system begins with timestamps a moment after it was asked.
        loop {
            let without_stamp = stage.cx.recorder.without_stamp;
            let took = stage.echo_and_read_late();
            assert!(took.recorded_ns >= took.before_echo_ns, "earlier than its echo");
            if took.recorded_ns < 2 * took.there_ns {
                assert_eq!(stage.cx.recorder.without_stamp, without_stamp);
                return;
            }
            assert!(Instant::now() < stage.deadline, "every message was as late as it was read");
        }
    });
}

#[test]
fn what_the_system_does_not_stamp_is_back_when_it_is_read_and_is_counted() {
    with_stage(true, |mut stage| {
        stage.wait_until(|connection| connection.ready.writable);
        stage.drive();
        stage.stop_the_stamps();
        for count in 1..=3 {
            let took = stage.echo_and_read_late();
            assert!(took.recorded_ns >= 4 * took.there_ns);
            assert_eq!(stage.cx.recorder.without_stamp, count);
        }
    });
}

#[test]
fn by_its_own_time_a_message_is_back_when_it_is_read() {
    with_stage(false, |mut stage| {
        stage.wait_until(|connection| connection.ready.writable);
        stage.drive();
        let took = stage.echo_and_read_late();
        assert!(took.recorded_ns >= 4 * took.there_ns);
    });
}

#[test]
fn a_connection_is_not_given_up_while_it_waits_to_be_tried_again() {
    let (_reserved, target) = nobody();
    let plan = Plan { connections: 1, ..Plan::new(target, Limit::Count(1)) };
    with_context(&plan, |mut cx| {
        let mut connection = Connection::new(&cx.orders, 0);
        let next = try_in_vain(&mut connection, &mut cx);
        assert!(matches!(next, Next::WaitUntil(_)), "{next:?}");
        // As if the connection had waited for longer than the timeout.
        cx.orders.timeout_ns = 0;
        let next = connection.drive(&mut cx);
        assert!(matches!(next, Next::WaitUntil(_) | Next::Open), "{next:?}");
        assert_eq!(try_in_vain(&mut connection, &mut cx), Next::Over);
    });
}

#[test]
fn a_connection_that_is_abandoned_is_not_open() {
    with_stage(false, |mut stage| {
        stage.wait_until(|connection| connection.ready.writable);
        stage.drive();
        assert_eq!(stage.cx.open, 1);
        assert_eq!(stage.connection.abandon(&mut stage.cx), Next::Over);
        assert_eq!(stage.cx.open, 0);
    });
}
