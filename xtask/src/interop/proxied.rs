//! Conversations through a proxy, all open at the same time.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use echo_tests::content::Content;
use echo_tests::peer::{assert_same, connect, echo, exchange, finish, send};
use echo_tests::random::Random;

/// Number of conversations.
pub(super) const CONNECTIONS: usize = 200;

const LINES: usize = 20;

/// Number of bytes that the first conversation sends at once. The others send a hundredth of it.
const BULK_LEN: usize = 8 << 20;

const REST: &[u8] = b"a rest without newline";

/// Returns a free address and the socket that listens on it. The proxy inherits the socket, so no other
/// program can take the port.
pub(super) fn front() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    (listener.local_addr().unwrap(), listener)
}

/// Runs the conversations and compares every byte. Returns the number of bytes.
///
/// # Panics
/// If the echo is wrong.
#[track_caller]
pub(super) fn crowd(proxy: SocketAddr) -> usize {
    let mut random = Random::new();
    let streams: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect(proxy)).collect();
    thread::scope(|scope| {
        let conversations: Vec<_> = streams
            .iter()
            .enumerate()
            .map(|(index, stream)| {
                let bulk_len = if index == 0 { BULK_LEN } else { BULK_LEN / 100 };
                let bulk = Content::new(&mut random).bytes(bulk_len);
                scope.spawn(move || converse(stream, bulk))
            })
            .collect();
        conversations.into_iter().map(|thread| thread.join().expect("the echo is right")).sum()
    })
}

fn converse(stream: &TcpStream, mut bulk: Vec<u8>) -> usize {
    let mut sent = REST.len();
    for index in 0..LINES {
        let line = format!("line {index} with NUL \0 and CR \r\n\n");
        echo(stream, &line);
        sent += line.len();
    }
    bulk.push(b'\n');
    exchange(stream, &bulk);
    send(stream, REST);
    assert_same(&finish(stream), REST);
    sent + bulk.len()
}
