//! The acceptor thread: waits for connections, room or the end, and gives the acceptor its turns.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, warn};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::acceptor::{Acceptor, Wait};
use crate::handoff::{Control, Outbox};
use crate::worker_loop::elapsed_ms;

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

/// There is one listener and one waker.
const MAX_EVENTS: usize = 4;

/// What the acceptor thread is made of before it runs.
pub(crate) struct AcceptorLoop {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    acceptor: Acceptor<TcpStream, Outbox>,
    control: Arc<Control>,
    /// When stopping, no more than this are accepted: what waited in the system's queue.
    backlog: u64,
    drain_timeout: Duration,
    started: Instant,
}

/// The acceptor's waiting place, where it watches the listener, and the waker that reaches it.
pub(crate) fn poll(listener: &mut TcpListener) -> io::Result<(Poll, Waker)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    poll.registry().register(listener, LISTENER, Interest::READABLE)?;
    Ok((poll, waker))
}

impl AcceptorLoop {
    /// `started` is the server's start, from which it counts time.
    pub(crate) fn new(
        poll: Poll,
        listener: TcpListener,
        acceptor: Acceptor<TcpStream, Outbox>,
        control: Arc<Control>,
        backlog: u64,
        drain_timeout: Duration,
        started: Instant,
    ) -> Self {
        let events = Events::with_capacity(MAX_EVENTS);
        Self { poll, events, listener, acceptor, control, backlog, drain_timeout, started }
    }

    /// Accepts until it is told to stop; then accepts what waits in the system's queue, closes the
    /// listener, and tells the workers that nothing more will come.
    ///
    /// # Errors
    /// When the system cannot tell about events any more. The workers are told all the same.
    pub(crate) fn run(mut self) -> io::Result<()> {
        while !self.control.is_stopping() {
            let wait = self.turn();
            self.wait(wait)?;
        }
        self.stop()
    }

    fn turn(&mut self) -> Wait {
        let wait = self.acceptor.turn(elapsed_ms(self.started), &self.listener);
        match wait {
            Wait::No | Wait::Connection => wait,
            Wait::RoomUntil(_) => {
                self.control.want_room();
                wait
            }
            Wait::Room => {
                self.control.want_room();
                // Room that was made before the workers knew that it is wanted.
                self.acceptor.turn(elapsed_ms(self.started), &self.listener)
            }
        }
    }

    fn wait(&mut self, wait: Wait) -> io::Result<()> {
        let timeout = match wait {
            Wait::No => return Ok(()),
            Wait::Connection | Wait::Room => None,
            Wait::RoomUntil(at_ms) => {
                Some(Duration::from_millis(at_ms).saturating_sub(self.started.elapsed()))
            }
        };
        self.poll(timeout)
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    fn stop(mut self) -> io::Result<()> {
        let deadline = Instant::now() + self.drain_timeout;
        let last = self.acceptor.accepted() + self.backlog;
        loop {
            let wait = self.turn();
            let is_over = match wait {
                Wait::No => self.acceptor.accepted() >= last && !self.acceptor.holds_one(),
                Wait::Connection | Wait::RoomUntil(_) => true,
                // At the connection limit: those in the queue cannot be served.
                Wait::Room => !self.acceptor.holds_one(),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if is_over {
                break;
            }
            if wait == Wait::Room {
                if left.is_zero() {
                    warn!("a connection was accepted and no worker took it in time");
                    break;
                }
                self.poll(Some(left))?;
            }
        }
        debug!("stopped accepting accepted={}", self.acceptor.accepted());
        Ok(())
    }
}
