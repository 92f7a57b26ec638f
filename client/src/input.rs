//! Passes standard input, line by line, to every client.

use std::io::{self, BufRead};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::line::Line;

/// Maximum number of lines that wait for one client. The program therefore reads its input at the
/// speed of the slowest client, and holds a bounded part of it.
const MAX_WAITING_LINES: usize = 16;

/// Starts the thread that puts each line of standard input into each of `clients` queues.
///
/// Returns the queues, and the channel that carries the error if reading fails. The error is in the
/// channel before the queues end.
///
/// # Errors
/// The system's error when it refuses to start the thread.
pub(crate) fn start(clients: u32) -> io::Result<(Vec<Receiver<Line>>, Receiver<io::Error>)> {
    let (mut senders, queues): (Vec<_>, Vec<_>) = (0..clients).map(|_| queue()).unzip();
    let (failed, failure) = bounded(1);
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        if let Err(error) = broadcast(io::stdin().lock(), &mut senders) {
            // The channel has room, because this is the only message.
            let _ = failed.send(error);
        }
        drop(senders);
    })?;
    Ok((queues, failure))
}

/// Returns the two ends of one client's queue.
fn queue() -> (Sender<Line>, Receiver<Line>) {
    bounded(MAX_WAITING_LINES)
}

/// Sends each line of `input` to all of `clients` as soon as the line is complete.
///
/// Returns at the end of the input, or when no client is left; removes clients that have ended. The
/// bytes stay as they are, `\r` included. An unterminated last line counts as a line. One line must
/// fit into memory.
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
    fn a_client_that_has_ended_is_skipped() {
        let (gone, _) = queue();
        let (here, receiver) = queue();
        broadcast(&b"a\nb\n"[..], &mut vec![gone, here]).unwrap();
        assert_eq!(receiver.try_iter().count(), 2);
    }

    #[test]
    fn without_clients_the_rest_of_the_input_is_not_read() {
        let (gone, _) = queue();
        let mut input = &b"a\nb\n"[..];
        broadcast(&mut input, &mut vec![gone]).unwrap();
        assert_eq!(input, b"b\n");
    }
}
