//! The client is stopped by a signal.

use std::io::{BufReader, Write};
use std::process::{Command, Stdio};

use crate::harness::{Finished, Running, client_of};
use crate::servers::{next_line, read_to_end, serve};

/// Stops the client by `signal` while it waits for its second reply.
#[track_caller]
fn stopped_by(signal: &str, args: &[&str]) -> Finished {
    let server = serve(|mut stream, _| {
        stream.write_all(&next_line(&mut BufReader::new(&stream))).unwrap();
        read_to_end(&mut stream);
    });
    let mut command = client_of(server);
    command.args(["--timeout", "1h", "--max-count", "2"]).args(args).stdin(Stdio::null());
    let mut running = Running::start(command.stdout(Stdio::piped()));
    assert_eq!(running.next_line(), b"hello world\n");
    let pid = running.pid().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    running.finish().expect(130, "hello world\n")
}

#[test]
fn an_interrupt_ends_at_once_with_the_summary_of_what_was_done() {
    let finished = stopped_by("-INT", &[]);
    let counts = ["clients=1", "succeeded=0", "failed=0", "messages=1", "bytes=12"];
    finished.summary(&counts);
}

#[test]
fn a_termination_is_the_same() {
    stopped_by("-TERM", &[]).summary(&["messages=1"]);
}

#[test]
fn an_interrupt_while_waiting_for_input_ends_at_once() {
    let mut command = client_of(serve(crate::servers::line_echo));
    command.args(["--stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(b"x\n").unwrap();
    assert_eq!(running.next_line(), b"x\n");
    let pid = running.pid().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    running.finish().expect(130, "x\n").summary(&["messages=1"]);
    drop(stdin);
}
