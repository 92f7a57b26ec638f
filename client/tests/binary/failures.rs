//! Servers that misbehave. For each fault the client logs a sentence of its own, ends with code 1, and
//! prints the bytes that it received.

use std::io::{BufReader, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::harness::{Finished, client, run, run_with};
use crate::servers::{
    answer, answer_and_close, answer_one_and_finish, next_line, read_to_end, refused, reset, serve,
};

/// Runs the client against `server`. Checks its output, and that its one error is `sentence`.
#[track_caller]
fn check(server: SocketAddr, args: &[&str], stdout: &[u8], sentence: &str) -> Finished {
    let finished = run_with(server, args).expect(1, stdout);
    let sentence = sentence.replace("SERVER", &server.to_string());
    let logged = finished.logged(&["[ERROR]"]);
    assert!(logged.ends_with(&format!("[ERROR] client 1: {sentence}")), "{logged}");
    finished.summary(&["clients=1", "succeeded=0", "failed=1"]);
    finished
}

#[test]
fn an_altered_reply_is_told_with_the_byte_and_both_texts() {
    let finished = check(
        answer(b"hello wOrld\n"),
        &[],
        b"hello wOrld\n",
        r#"the reply from SERVER differs at byte 8 of 12: expected "orld\n", got "Orld\n""#,
    );
    finished.summary(&["messages=0", "bytes=0"]);
}

#[test]
fn a_reply_with_a_newline_too_early_differs() {
    check(
        answer(b"hello\n"),
        &[],
        b"hello\n",
        r#"the reply from SERVER differs at byte 6 of 12: expected " world\n", got "\n""#,
    );
}

#[test]
fn what_came_is_escaped_and_cut() {
    let server =
        answer(b"\x1b[2J\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
    let finished = run_with(server, [] as [&str; 0]);
    let logged = finished.logged(&["[ERROR]"]);
    assert!(logged.contains(r#"got "\x1b[2J\"xxx"#) && logged.ends_with("x…\""), "{logged}");
}

#[test]
fn a_close_without_a_reply_is_told() {
    check(
        answer_and_close(b""),
        &[],
        b"",
        "SERVER closed the connection before its reply: expected 12 bytes, got none",
    );
}

#[test]
fn a_close_in_mid_reply_is_told() {
    check(
        answer_and_close(b"hello"),
        &[],
        b"hello",
        "SERVER closed the connection in mid-reply: expected 12 bytes, got 5",
    );
}

#[test]
fn a_close_between_messages_is_told_and_the_first_one_counts() {
    let finished = check(
        serve(answer_one_and_finish),
        &["--max-count", "3"],
        b"hello world\n",
        "SERVER closed the connection before its reply: expected 12 bytes, got none",
    );
    finished.summary(&["messages=1", "bytes=12"]);
}

#[test]
fn a_reset_is_told() {
    let server = serve(|stream, _| {
        next_line(&mut BufReader::new(&stream));
        reset(stream);
    });
    check(server, &[], b"", "SERVER reset the connection: expected 12 bytes, got 0");
}

#[test]
fn a_reset_instead_of_the_end_is_told() {
    let server = serve(|mut stream, _| {
        stream.write_all(&next_line(&mut BufReader::new(&stream))).unwrap();
        // The client finishes only after it has the whole reply.
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        reset(stream);
    });
    check(server, &[], b"hello world\n", "SERVER reset the connection: expected it to be closed");
}

#[test]
fn a_silent_server_is_a_timeout() {
    check(
        answer(b""),
        &["--timeout", "100ms"],
        b"",
        "no whole reply from SERVER within 100ms: expected 12 bytes, got 0",
    );
}

#[test]
fn the_timeout_is_for_the_whole_reply_and_not_for_each_piece() {
    // The server sends a byte every 20 ms: each piece arrives in time, the whole reply does not.
    let server = serve(|mut stream, _| {
        next_line(&mut BufReader::new(&stream));
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let message = "x".repeat(100_000);
    let finished = run_with(server, ["--message", &message, "--timeout", "500ms"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let logged = finished.logged(&["no whole reply", "within 500ms: expected 100001 bytes, got "]);
    let received: usize = logged.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(received > 0 && finished.stdout == message.as_bytes()[..received], "{logged}");
}

#[test]
fn surplus_bytes_at_the_end_are_told() {
    let server = serve(|mut stream, _| {
        stream.write_all(&next_line(&mut BufReader::new(&stream))).unwrap();
        read_to_end(&mut stream);
        stream.write_all(b"bye\n").unwrap();
    });
    check(
        server,
        &[],
        b"hello world\n",
        r#"SERVER sent more than the reply: expected nothing, got "bye\n""#,
    );
}

#[test]
fn surplus_bytes_with_the_reply_are_told_and_not_printed() {
    check(
        answer(b"hello world\nhello world\n"),
        &[],
        b"hello world\n",
        r#"SERVER sent more than the reply: expected nothing, got "hello world\n""#,
    );
}

#[test]
fn a_server_that_does_not_end_the_connection_is_told() {
    let server = serve(|mut stream, _| {
        stream.write_all(&next_line(&mut BufReader::new(&stream))).unwrap();
        read_to_end(&mut stream);
        // The server keeps the connection open until the test process ends.
        thread::park();
    });
    check(
        server,
        &["--timeout", "200ms"],
        b"hello world\n",
        "SERVER did not end the connection: expected its end within 200ms, got nothing",
    );
}

#[test]
fn a_refused_connection_is_told() {
    let (_socket, server) = refused();
    check(server, &[], b"", "connect to SERVER: connection refused");
}

#[test]
fn a_name_that_nobody_has_is_told() {
    // The name is longer than names may be, so no name server is asked.
    let name = "x".repeat(300);
    let finished = run(client().args(["--server-ip", &name, "--num-clients", "3"])).expect(1, "");
    finished.logged(&["[ERROR] resolve ", &name, ":9000: "]);
    finished.summary(&["clients=3", "succeeded=0", "failed=3"]);
}
