//! Many connections held by one thread.

use std::net::SocketAddr;

use super::{Echoed, Session};

/// Open connections that all speak in turn.
#[derive(Debug)]
pub(crate) struct Crowd {
    server: SocketAddr,
    source: u8,
    sessions: Vec<Session>,
    round: usize,
}

impl Crowd {
    /// Nobody yet; they will come from the loopback address with this number.
    pub(crate) fn new(server: SocketAddr, source: u8) -> Self {
        Self { server, source, sessions: vec![], round: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// One more connection, which is served.
    #[track_caller]
    pub(crate) fn join(&mut self) {
        let mut session = Session::connect(self.server, self.source);
        session.echo("hello\n");
        self.sessions.push(session);
    }

    /// Everybody sends lines of their own, then everybody receives them, `batch` at a time.
    #[track_caller]
    pub(crate) fn speak(&mut self, batch: usize, mut between: impl FnMut()) {
        self.round += 1;
        let (source, round) = (self.source, self.round);
        for (first, batch) in (0..).step_by(batch).zip(self.sessions.chunks_mut(batch)) {
            let lines = |number| lines(source, first + number, round);
            batch.iter().enumerate().for_each(|(number, session)| session.send(lines(number)));
            for (number, session) in batch.iter_mut().enumerate() {
                session.expect(lines(number));
            }
            between();
        }
    }

    /// The `count` that came first leave.
    #[track_caller]
    pub(crate) fn leave(&mut self, count: usize) -> Echoed {
        Session::finish_all(self.sessions.drain(..count).collect())
    }
}

/// Two lines, of a length that differs from connection to connection.
fn lines(source: u8, number: usize, round: usize) -> String {
    let padding = number * 7 % 500;
    format!("source {source} connection {number}\nround {round} {:padding$}\n", "")
}
