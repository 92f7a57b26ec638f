//! Servers that were started end with a load tester that has to end at once. This test has a process of
//! its own, because nothing can be started in it afterwards.
#![cfg(unix)]

use std::io::{Write, stderr};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use echo_loadtest::target::{Target, kill_all};

const SERVER: &str = "python3 -c 'import socket, sys, time
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
time.sleep(600)' {port}";

#[test]
fn all_that_was_started_is_killed_and_nothing_starts_any_more() {
    if Command::new("python3").args(["-c", ""]).status().is_err() {
        let _ = writeln!(stderr(), "skipped: there is no python3");
        return;
    }
    let target: Target = SERVER.parse().expect("a command");
    let [one, other] = [0, 1].map(|_| target.start(None).expect("it starts"));
    kill_all();
    for mut server in [one, other] {
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(server.address()).is_ok() {
            assert!(Instant::now() < deadline, "waited too long for the end of the server");
            thread::sleep(Duration::from_millis(5));
        }
        let process = server.process_mut().expect("it was started");
        let error = process.check_after_failure().expect_err("it was killed");
        assert!(error.contains("ended (signal: 9 (SIGKILL))"), "{error}");
    }
    let error = target.start(None).expect_err("the load tester ends");
    assert!(error.ends_with(": the load tester is about to end"), "{error}");
}
