//! Standard input, line by line, to every client.

use std::io::{self, BufRead};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::line::Line;

/// Lines that may wait for one client. The input is read as fast as the slowest client goes, and no
/// more than these are held.
const MAX_WAITING_LINES: usize = 16;

/// Starts the thread that gives each line of standard input to each of `clients` queues, and tells
/// where its failure, if any, appears: before the queues end.
///
/// # Errors
/// What the system says when it gives no thread.
pub(crate) fn start(clients: u32) -> io::Result<(Vec<Receiver<Line>>, Receiver<io::Error>)> {
    let (mut senders, queues): (Vec<_>, Vec<_>) = (0..clients).map(|_| queue()).unzip();
    let (failed, failure) = bounded(1);
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        if let Err(error) = broadcast(io::stdin().lock(), &mut senders) {
            // With room for one, and one sent.
            let _ = failed.send(error);
        }
        drop(senders);
    })?;
    Ok((queues, failure))
}

/// The two ends of one client's queue.
fn queue() -> (Sender<Line>, Receiver<Line>) {
    bounded(MAX_WAITING_LINES)
}

/// Gives each line of `input` to all of `clients` as soon as it is complete, and returns at the end
/// of the input, or when no client is left. A client that is gone is removed. Bytes are taken as
/// they are, `\r` included; an unterminated last line is a line. One line must fit in memory.
fn broadcast(mut input: impl BufRead, clients: &mut Vec<Sender<Line>>) -> io::Result<()> {
    while !clients.is_empty() {
        let mut message = Vec::new();
        if input.read_until(b'\n', &mut message)? == 0 {
            break;
        }
        if message.last() == Some(&b'\n') {
            message.pop();
        }
        let line = Line::new(message);
        clients.retain(|client| client.send(line.clone()).is_ok());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[u8], lines: &[&[u8]]) {
        let (mut senders, receivers): (Vec<_>, Vec<_>) = [queue(), queue()].into_iter().unzip();
        broadcast(input, &mut senders).unwrap();
        drop(senders);
        for receiver in receivers {
            let received: Vec<_> = receiver.iter().collect();
            assert_eq!(received.iter().map(Line::as_bytes).collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn every_client_gets_every_line() {
        check(b"", &[]);
        check(b"\n", &[b"\n"]);
        check(b"one\ntwo\r\n\n", &[b"one\n", b"two\r\n", b"\n"]);
        check(b"\0\xff\nunterminated", &[b"\0\xff\n", b"unterminated\n"]);
    }

    #[test]
    fn a_client_that_is_gone_is_skipped() {
        let (gone, _) = queue();
        let (here, receiver) = queue();
        broadcast(&b"a\nb\n"[..], &mut vec![gone, here]).unwrap();
        assert_eq!(receiver.try_iter().count(), 2);
    }

    #[test]
    fn without_clients_the_rest_is_not_read() {
        let (gone, _) = queue();
        let mut input = &b"a\nb\n"[..];
        broadcast(&mut input, &mut vec![gone]).unwrap();
        assert_eq!(input, b"b\n");
    }
}
