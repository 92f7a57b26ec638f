//! Messages of all kinds, byte for byte.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::harness::{DEADLINE, run, run_with, shell, to_server};
use crate::servers::{line_echo, raw_echo, recording_echo, serve};

#[track_caller]
fn check(message: &[u8]) {
    let mut line = message.to_vec();
    line.push(b'\n');
    let (recording, received) = recording_echo();
    for server in [serve(line_echo), serve(raw_echo), recording] {
        run_with(server, [OsStr::new("--message"), OsStr::from_bytes(message)])
            .expect(0, &line)
            .summary(&["messages=1", &format!("bytes={}", line.len())]);
    }
    assert_eq!(received.recv_timeout(DEADLINE).unwrap(), line);
}

#[test]
fn an_empty_message_is_an_empty_line() {
    check(b"");
}

#[test]
fn a_message_of_several_lines_is_one_message() {
    check(b"one\ntwo\n\nthree");
    check(b"ends with a newline\n");
}

#[test]
fn bytes_that_are_no_text_come_back_as_they_are() {
    check(b"\xff\xfe\x80");
    check(b"cr\r");
    check(b"\x1b[31m\x07\t\"\\");
}

#[test]
fn a_message_may_look_like_a_flag() {
    run_with(serve(line_echo), ["--message=--stdin"]).expect(0, "--stdin\n");
}

#[test]
fn messages_around_the_sizes_of_buffers_come_back() {
    for len in [16 * 1024 - 2, 16 * 1024 - 1, 16 * 1024, 32 * 1024 - 1, 32 * 1024, 100_000] {
        check(&b"0123456789abcdef\xff".iter().copied().cycle().take(len).collect::<Vec<_>>());
    }
}

#[test]
fn many_messages_go_over_one_connection() {
    let (server, received) = recording_echo();
    run_with(server, ["--message", "x", "--max-count", "1000"]).expect(0, "x\n".repeat(1000));
    assert_eq!(received.recv_timeout(DEADLINE).unwrap(), b"x\n".repeat(1000));
}

#[test]
fn the_output_can_be_compared_by_a_pipe() {
    let mut command = shell(
        "printf 'a\\nb\\0\\n' > \"$1\"; shift; \
        \"$0\" --stdin \"$@\" < \"$FILE\" | cmp - \"$FILE\"",
    );
    let file = std::env::temp_dir().join(format!("echo-client-cmp-{}", std::process::id()));
    command.env("FILE", &file).arg(&file);
    to_server(&mut command, serve(line_echo));
    let finished = run(&mut command);
    std::fs::remove_file(file).unwrap();
    finished.expect(0, "");
}
