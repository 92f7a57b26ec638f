//! Logging to a stderr that is closed, gone, full or stuck. The server continues to serve, and its exit
//! code is right.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use echo_tests::peer::{connect, echo, expect, send};
use echo_tests::proc_fs;
use echo_tests::process::{
    Finished, Process, ServerProcess, eventually, listening_address, server_command, server_shell,
};
use echo_tests::wait::wait_until;
use nix::sys::signal::Signal;

use crate::clients::Stuck;
use echo_tests::records::records;

/// Sends many lines to the server, each of which it logs at DEBUG.
fn serve_many(server: &ServerProcess) {
    let stream = connect(server.addr());
    for _ in 0..10 {
        let batch = "hello\n".repeat(300);
        send(&stream, &batch);
        expect(&stream, &batch);
    }
}

const DEBUG: &[&str] = &["--log_level", "DEBUG", "--report-interval", "5ms"];

/// Scripts that start the server with a closed stderr, and with a full one.
const UNWRITABLE: [&str; 2] = [r#"exec "$0" "$@" 2>&-"#, r#"exec "$0" "$@" 2>/dev/full"#];

#[test]
fn with_stderr_closed_or_full_the_server_serves_and_ends_with_0() {
    for script in UNWRITABLE {
        let server = ServerProcess::launch_silent(server_shell(script, DEBUG));
        serve_many(&server);
        server.stop().expect_code(0);
    }
}

#[test]
fn with_stderr_closed_or_full_an_error_still_has_its_exit_code() {
    for (args, code) in [(["--ip", "192.0.2.1"], 1), (["--backlog", "0"], 2)] {
        for script in UNWRITABLE {
            let finished = Process::run(server_shell(script, &args));
            finished.expect_code(code);
        }
    }
}

#[test]
fn with_the_logs_reader_gone_the_server_serves_and_ends_with_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = server_command(DEBUG, &[]);
        command.stderr(writer);
        let server = ServerProcess::launch_silent(command);
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).unwrap();
        assert_eq!(listening_address(&line), server.addr());
        serve_many(&server);
        server.signal(signal);
        server.wait().expect_code(0);
    }
}

/// The server logs more lines than fit into the pipe and the queue before it, and the test does not read
/// the pipe.
#[test]
fn with_the_log_stuck_the_server_serves_and_later_tells_how_much_was_lost() {
    let server = ServerProcess::start(DEBUG, &[]);
    let first = connect(server.addr());
    echo(&first, "before\n");
    server.stderr().pause();
    for _ in 0..10 {
        serve_many(&server);
    }
    echo(&first, "while stuck\n");
    server.stderr().resume();
    // The log reports its losses only together with another record.
    wait_until("the number of lost lines", || {
        echo(&first, "now\n");
        server.stderr().so_far().contains(" log lines lost")
    });
    drop(first);
    let finished = server.stop();
    finished.expect_code(0);
    let (shown, lost) = (finished.lines_with(&["message peer="]).len(), lost_count(&finished));
    assert!(lost > 1_000, "{lost} lines lost");
    assert!(shown + lost > 30_000, "{shown} messages shown, {lost} lines lost");
}

#[test]
fn what_tells_of_lost_lines_is_a_record_like_others() {
    let server = ServerProcess::start(DEBUG, &[]);
    let first = connect(server.addr());
    server.stderr().pause();
    for _ in 0..10 {
        serve_many(&server);
    }
    server.stderr().resume();
    wait_until("the number of lost lines", || {
        echo(&first, "now\n");
        server.stderr().so_far().contains("lost")
    });
    let log = server.stop().stderr;
    assert_eq!(records(&log, "").len(), log.lines().count());
}

fn lost_count(finished: &Finished) -> usize {
    let notes = finished.lines_with(&["WARN", " log lines lost count="]);
    notes.iter().filter_map(|note| note.rsplit('=').next()?.parse::<usize>().ok()).sum()
}

#[test]
fn with_the_log_stuck_for_ever_the_server_ends_with_the_right_code() {
    for (signals, code) in [(1, 0), (2, 130)] {
        let server = ServerProcess::start(&[DEBUG, &["--drain-timeout", "1h"]].concat(), &[]);
        server.stderr().pause();
        for _ in 0..10 {
            serve_many(&server);
        }
        let stuck = (signals == 2).then(|| Stuck::new(server.addr()));
        server.signal(Signal::SIGTERM);
        // The server has seen the first signal once it does not listen any more.
        eventually("a refusal", || TcpStream::connect(server.addr()).err());
        if signals == 2 {
            // A signal that follows immediately belongs to the same request.
            eventually("the end after the second signal", || {
                server.signal(Signal::SIGTERM);
                proc_fs::has_ended(server.pid()).then_some(())
            });
        }
        server.wait().expect_code(code);
        drop(stuck);
    }
}
