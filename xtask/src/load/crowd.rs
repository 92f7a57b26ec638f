//! Many connections on one thread.

use std::net::SocketAddr;

use super::session::{Echoed, Session};

/// Open connections that take turns.
#[derive(Debug)]
pub(crate) struct Crowd {
    server: SocketAddr,
    source: u8,
    sessions: Vec<Session>,
    round: usize,
}

impl Crowd {
    /// Creates an empty crowd. Its connections will come from the loopback address with this number.
    pub(crate) fn new(server: SocketAddr, source: u8) -> Self {
        Self { server, source, sessions: vec![], round: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Opens one more connection and exchanges a line.
    #[track_caller]
    pub(crate) fn join(&mut self) {
        let mut session = Session::connect(self.server, self.source);
        session.echo("hello\n");
        self.sessions.push(session);
    }

    /// Sends different lines on each connection of a batch, then receives the echo on each. Calls
    /// `between` after each batch.
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

    /// Finishes the `count` oldest connections.
    #[track_caller]
    pub(crate) fn leave(&mut self, count: usize) -> Echoed {
        Session::finish_all(self.sessions.drain(..count).collect())
    }
}

/// Returns two lines whose length differs from connection to connection.
fn lines(source: u8, number: usize, round: usize) -> String {
    let padding = number * 7 % 500;
    format!("source {source} connection {number}\nround {round} {:padding$}\n", "")
}
