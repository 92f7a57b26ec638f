//! Many clients at once.

use std::io::BufReader;
use std::io::Write;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use crate::harness::{DEADLINE, Running, client_of, run, run_with, shell, to_server};
use crate::servers::{line_echo, next_line, read_to_end, serve};

#[test]
fn two_hundred_clients_and_one_that_fails() {
    let server = serve(|mut stream, number| match number {
        77 => {
            next_line(&mut BufReader::new(&stream));
            let _ = stream.write_all(b"?\n");
        }
        other => line_echo(stream, other),
    });
    let args = ["--num-clients", "200", "--max-count", "5", "--message", "x", "--quiet"];
    let finished = run_with(server, args).expect(1, "");
    finished.logged(&["[ERROR] client ", r#"differs at byte 1 of 2: expected "x\n", got "?\n""#]);
    finished.summary(&["clients=200", "succeeded=199", "failed=1", "messages=995", "bytes=1990"]);
}

#[test]
fn clients_run_at_the_same_time() {
    const CLIENTS: usize = 200;
    // The server answers no client before all clients are connected.
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let server = serve(move |stream, _| {
        let mut waiting = waiting.lock().unwrap();
        waiting.push(stream);
        if waiting.len() == CLIENTS {
            for stream in waiting.drain(..) {
                std::thread::spawn(move || line_echo(stream, 0));
            }
        }
    });
    run_with(server, ["--num-clients", "200"]).expect(0, "hello world\n".repeat(CLIENTS));
}

#[test]
fn a_low_soft_limit_on_descriptors_is_raised() {
    let mut command = shell("ulimit -Sn 20 && exec \"$0\" \"$@\"");
    to_server(&mut command, serve(line_echo));
    run(command.args(["--num-clients", "100", "--message", "x"])).expect(0, "x\n".repeat(100));
}

#[test]
fn out_of_descriptors_is_told_and_the_others_go_on() {
    // The server answers no client before the first failure is in the log, so that no descriptor
    // becomes free too early.
    let (go, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let server = serve(move |stream, number| {
        let gate: &Mutex<Receiver<()>> = &gate;
        // The channel disconnects when the test lets the server go on.
        let _ = gate.lock().unwrap().recv_timeout(DEADLINE);
        line_echo(stream, number);
    });
    let mut command = shell("ulimit -n 20 && exec \"$0\" \"$@\"");
    to_server(&mut command, server);
    command.args(["--num-clients", "30", "--quiet"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    running.wait_for_log("Too many open files");
    drop(go);
    let finished = running.finish().expect(1, "");
    assert!(!finished.stderr.contains("succeeded=0 "), "{}", finished.stderr);
}

#[test]
fn the_throughput_is_reported_while_it_runs() {
    let (go, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let server = serve(move |mut stream, _| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for _ in 0..2 {
            stream.write_all(&next_line(&mut reader)).unwrap();
        }
        let last = next_line(&mut reader);
        let _ = gate.lock().unwrap().recv_timeout(DEADLINE);
        stream.write_all(&last).unwrap();
        read_to_end(&mut stream);
    });
    let mut command = client_of(server);
    command.args(["--max-count", "3", "--report-interval", "10ms", "--num-clients", "2"]);
    let mut running = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    running.wait_for_log("[INFO ] throughput clients=2 messages=4 bytes=48 messages_per_s=");
    drop(go);
    let finished = running.finish().expect(0, "hello world\n".repeat(6));
    finished.summary(&["messages=6", "bytes=72"]);
}

#[test]
fn an_interval_of_zero_reports_nothing_but_the_summary() {
    let args = ["--max-count", "2000", "--report-interval", "0", "--quiet"];
    let finished = run_with(serve(line_echo), args).expect(0, "");
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    finished.summary(&["messages=2000"]);
}
