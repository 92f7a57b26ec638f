//! `--stdin` streams standard input to every client.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{Running, client_of, run, run_with_input, shell, to_server};
use crate::servers::{answer, answer_one_and_finish, line_echo, raw_echo, serve};

#[track_caller]
fn check(input: &[u8], output: &[u8], messages: u64) {
    for server in [serve(line_echo), serve(raw_echo)] {
        run_with_input(client_of(server).arg("--stdin"), input.to_vec())
            .expect(0, output)
            .summary(&["succeeded=1", &format!("messages={messages}")]);
    }
}

#[test]
fn each_line_is_a_message() {
    check(b"one\ntwo\n\nthree\n", b"one\ntwo\n\nthree\n", 4);
}

#[test]
fn an_unterminated_last_line_is_a_message() {
    check(b"one\ntwo", b"one\ntwo\n", 2);
}

#[test]
fn no_input_is_no_message_and_no_failure() {
    check(b"", b"", 0);
}

#[test]
fn carriage_returns_nul_and_invalid_utf8_are_kept() {
    check(b"a\r\n\0\n\xff\xfe\n\r\n", b"a\r\n\0\n\xff\xfe\n\r\n", 4);
}

#[test]
fn a_typed_line_is_echoed_before_the_next_is_typed() {
    let mut command = client_of(serve(line_echo));
    let mut running =
        Running::start(command.arg("--stdin").stdin(Stdio::piped()).stdout(Stdio::piped()));
    for line in ["one\n", "two\n", "\n", "three\n"] {
        running.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        assert_eq!(running.next_line(), line.as_bytes());
    }
    running.finish().expect(0, "one\ntwo\n\nthree\n");
}

#[test]
fn every_client_sends_every_line() {
    let input: String = (0..500).map(|number| format!("{number}\n")).collect();
    let mut command = client_of(serve(line_echo));
    let finished =
        run_with_input(command.args(["--stdin", "--num-clients", "5"]), input.clone().into());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let lines = |bytes: &[u8]| {
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&finished.stdout), lines(input.repeat(5).as_bytes()));
    finished.summary(&["clients=5", "succeeded=5", "messages=2500"]);
}

#[test]
fn a_client_that_failed_does_not_hold_up_the_others() {
    // The input has more lines than any queue holds.
    let input = b"x\n".repeat(10_000);
    let server = serve(|stream, number| match number {
        0 => answer_one_and_finish(stream, number),
        other => line_echo(stream, other),
    });
    let mut command = client_of(server);
    let finished = run_with_input(command.args(["--stdin", "--num-clients", "3"]), input.clone());
    let finished = finished.expect(1, [b"x\n".to_vec(), input.clone(), input].concat());
    finished.logged(&["[ERROR]", "closed the connection"]);
    finished.summary(&["succeeded=2", "failed=1", "messages=20001"]);
}

#[test]
fn without_clients_the_input_is_not_waited_for() {
    let mut command = client_of(answer(b"wrong\n"));
    let mut running =
        Running::start(command.arg("--stdin").stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(b"right\n").unwrap();
    // The input stays open until the client is gone.
    running.finish().expect(1, "wrong\n");
    drop(stdin);
}

#[test]
fn an_input_that_cannot_be_read_is_told() {
    let mut command = shell("exec \"$0\" --stdin \"$@\" < /");
    to_server(&mut command, serve(line_echo));
    let finished = run(&mut command).expect(1, "");
    finished.logged(&["[ERROR] read standard input: "]);
}
