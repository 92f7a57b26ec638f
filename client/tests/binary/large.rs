//! Messages that are longer than the socket buffers.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Finished, client_of, run_with_input};
use crate::servers::{line_echo, raw_echo, read_to_end, reset, serve};

const LEN: usize = 16 * 1024 * 1024;

/// Returns a text without a short period and without a newline.
fn message() -> Vec<u8> {
    let low_byte = |number: usize| number.to_le_bytes()[0];
    let byte = |index: usize| low_byte(index % 251) ^ low_byte(index / 65_521);
    (0..LEN).map(byte).map(|byte| if byte == b'\n' { 0 } else { byte }).collect()
}

#[track_caller]
fn run(script: fn(TcpStream, usize), args: &[&str]) -> Finished {
    // The timeout is longer than the harness waits, so that a deadlock fails the test.
    let mut command = client_of(serve(script));
    run_with_input(command.args(["--stdin", "--timeout", "1h"]).args(args), message())
}

#[track_caller]
fn echoes(script: fn(TcpStream, usize)) {
    let line = [message(), b"\n".to_vec()].concat();
    let finished = run(script, &[]).expect(0, &line);
    finished.summary(&["messages=1", "bytes=16777217"]);
}

#[test]
fn sixteen_mib_against_a_server_that_waits_for_the_newline() {
    echoes(line_echo);
}

#[test]
fn sixteen_mib_against_a_server_that_reads_only_what_it_could_send() {
    echoes(raw_echo);
}

#[test]
fn sixteen_mib_by_several_clients() {
    let finished = run(raw_echo, &["--num-clients", "3", "--quiet"]).expect(0, "");
    finished.summary(&["succeeded=3", "messages=3", "bytes=50331651"]);
}

#[test]
fn a_wrong_reply_ends_the_sending_of_the_rest() {
    // After the wrong reply the server reads no more, and keeps the connection open.
    let liar = |mut stream: TcpStream, _: usize| {
        stream.read_exact(&mut [0]).unwrap();
        stream.write_all(b"no").unwrap();
        std::thread::park();
    };
    run(liar, &[]).expect(1, "no").logged(&["[ERROR]", "differs at byte 1 of 16777217"]);
}

#[test]
fn an_early_close_ends_the_sending_of_the_rest() {
    // The server finishes its side, reads nothing, and keeps the connection open.
    let closer = |stream: TcpStream, _: usize| {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        std::thread::park();
    };
    run(closer, &[]).expect(1, "").logged(&["[ERROR]", "closed the connection before its reply"]);
}

#[test]
fn a_reset_in_mid_message_is_told_as_a_reset() {
    let resetter = |mut stream: TcpStream, _: usize| {
        stream.read_exact(&mut vec![0; 1024 * 1024]).unwrap();
        reset(stream);
    };
    let finished = run(resetter, &[]).expect(1, "");
    finished.logged(&["[ERROR]", "reset the connection: expected 16777217 bytes, got 0"]);
}

#[test]
fn a_server_that_takes_nothing_is_a_timeout() {
    let mut command = client_of(serve(|_stream, _| std::thread::park()));
    run_with_input(command.args(["--stdin", "--timeout", "300ms"]), message())
        .expect(1, "")
        .logged(&["[ERROR]", "within 300ms: expected 16777217 bytes, got 0"]);
}

#[test]
fn a_large_wrong_reply_is_printed_as_far_as_it_was_read() {
    // The reply is right in the first half, and then one byte is wrong.
    let liar = |mut stream: TcpStream, _: usize| {
        let mut all = vec![0; LEN + 1];
        stream.read_exact(&mut all).unwrap();
        all[LEN / 2] ^= 1;
        let _ = stream.write_all(&all);
        read_to_end(&mut stream);
    };
    let finished = run(liar, &[]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let mut sent = message();
    sent[LEN / 2] ^= 1;
    assert!(finished.stdout.len() > LEN / 2 && sent.starts_with(&finished.stdout));
    finished.logged(&["[ERROR]", "differs at byte 8388609 of 16777217"]);
}
