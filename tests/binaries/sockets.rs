//! Sessions like those of `nc`, and a restart on the same port.

use std::net::TcpStream;

use echo_tests::peer::{connect, echo, expect, finish, rest, send};
use echo_tests::process::ServerProcess;
use nix::sys::signal::Signal;

#[test]
fn what_is_sent_before_a_half_close_comes_back_whole() {
    let server = ServerProcess::start(&[], &[]);
    let all_bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let sessions: [&[u8]; 8] = [
        b"",
        b"\n",
        b"\n\n\n",
        b"hello\n",
        b"hello",
        b"two\nlines",
        b"carriage\r\nreturns\r\n\r",
        &all_bytes,
    ];
    for bytes in sessions {
        let stream = connect(server.addr());
        send(&stream, bytes);
        assert!(finish(&stream) == bytes, "{} bytes", bytes.len());
    }
    let finished = server.stop();
    finished.expect_code(0);
}

#[test]
fn many_sessions_at_once_do_not_mix() {
    let server = ServerProcess::start(&[], &[]);
    let streams: Vec<TcpStream> = (0..200).map(|_| connect(server.addr())).collect();
    for round in 0..3 {
        for (number, stream) in streams.iter().enumerate() {
            send(stream, format!("{number} in round {round}\n"));
        }
        for (number, stream) in streams.iter().enumerate() {
            expect(stream, format!("{number} in round {round}\n"));
        }
    }
}

#[test]
fn a_restart_on_the_same_port_works_at_once() {
    let mut server = ServerProcess::start(&[], &[]);
    let addr = server.addr();
    for _ in 0..3 {
        let streams: Vec<TcpStream> = (0..5).map(|_| connect(addr)).collect();
        streams.iter().for_each(|stream| echo(stream, "hello\n"));
        server.signal(Signal::SIGINT);
        // The server ends the connections, so its side of each enters TIME_WAIT.
        let mut streams = streams.into_iter();
        let (kept, other) = (streams.next().unwrap(), streams.next().unwrap());
        streams.for_each(|stream| assert_eq!(rest(&stream), b""));
        server.wait().expect_code(0);
        server = ServerProcess::start(&["--port", &addr.port().to_string()], &[]);
        assert_eq!(server.addr(), addr);
        echo(&connect(addr), "again\n");
        drop((kept, other));
    }
}
