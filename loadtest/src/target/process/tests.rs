//! Tests with real servers, in Python. Where there is no Python, the tests say so and pass.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use echo_tests::python;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::*;
use crate::harness::python_server;
use crate::target::{Running, Target, Watch};

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(PAUSE);
    }
}

/// Returns whether the process exists. A process that was not reaped yet does.
fn exists(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Returns the server's answer to `line`, which has the same length.
fn exchange(running: &Running, line: &str) -> String {
    let mut stream = TcpStream::connect(running.address()).expect("it accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    stream.write_all(line.as_bytes()).expect("it reads");
    let mut answer = vec![0; line.len()];
    stream.read_exact(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

fn pid(running: &Running) -> i32 {
    running.process().and_then(|process| i32::try_from(process.id()).ok()).expect("it was started")
}

#[test]
fn a_server_is_started_serves_and_is_gone_when_stopped() {
    let Some(target) = python_server(python::ECHO) else { return };
    let running = target.start(None).expect("it starts");
    assert_eq!(exchange(&running, "hello\n"), "hello\n");
    let pid = pid(&running);
    assert_eq!(running.stop(), Ok(()));
    assert!(!exists(pid));
}

#[test]
fn a_server_is_gone_when_a_panic_unwinds() {
    let Some(target) = python_server(python::ECHO) else { return };
    let running = target.start(None).expect("it starts");
    let pid = pid(&running);
    let panicked = std::panic::catch_unwind(move || {
        let _running = running;
        panic!("on purpose");
    });
    assert!(panicked.is_err() && !exists(pid));
}

/// The server is a child of the command, as if a shell script started it. Only the command ends at the
/// signal.
#[test]
fn what_the_command_started_ends_with_it() {
    const FORKS: &str = "
import os, signal, socket, sys, time
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)
peer = listener.accept()[0]
peer = listener.accept()[0]
peer.recv(1)
peer.sendall(b\"%10d\" % child)
time.sleep(60)
";
    let Some(target) = python_server(FORKS) else { return };
    let running = target.start(None).expect("it starts");
    let child = exchange(&running, "..........").trim().parse().expect("its number");
    assert!(exists(child));
    assert_eq!(running.stop(), Ok(()));
    // Its parent is gone. The process that inherited it reaps it at some time.
    wait_until("the end of the grandchild", || !exists(child) || is_zombie(child));
}

fn is_zombie(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn a_command_that_fails_is_told_with_its_last_words() {
    let script = "import sys; print(\"first\"); sys.exit(\"no such option\")";
    let Some(target) = python_server(script) else { return };
    let error = target.start(None).expect_err("it ends at once");
    assert!(error.contains("ended before it accepted a connection (exit status: 1)"), "{error}");
    assert!(
        error.ends_with("first\nno such option") || error.ends_with("no such option\nfirst"),
        "{error}"
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let target: Target = "./no/such/program {port}".parse().expect("a command");
    let error = target.start(None).expect_err("there is none");
    assert!(error.starts_with("start `./no/such/program {port}`: "), "{error}");
}

/// Another process took the port in the meantime, and answers in place of our server.
#[test]
fn a_stranger_on_the_port_is_not_taken_for_the_server() {
    let Some(Target::Command(command)) = python_server("import sys; sys.exit(\"in use\")") else {
        return;
    };
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = stranger.local_addr().expect("it is bound");
    // The command takes a moment to end. As long as it runs, it looks like a server.
    let outcome = Process::start(&command, address, None);
    if let Ok(mut process) = outcome {
        wait_until("its end", || !exists_unreaped(process.id()));
        let error = process.check().expect_err("it ended");
        assert!(error.contains("ended (exit status: 1)") && error.ends_with("in use"), "{error}");
    }
}

fn exists_unreaped(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| exists(pid) && !is_zombie(pid))
}

#[test]
fn a_server_that_ended_by_itself_is_told_at_the_stop() {
    let script = "
import socket, sys
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
listener.accept()
listener.accept()
sys.exit(\"had enough\")
";
    let Some(target) = python_server(script) else { return };
    let running = target.start(None).expect("it starts");
    let id = running.process().expect("it was started").id();
    drop(TcpStream::connect(running.address()));
    wait_until("its end", || !exists_unreaped(id));
    let error = running.stop().expect_err("it ended before");
    assert!(error.contains("ended (exit status: 1)") && error.ends_with("had enough"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_is_gone_has_no_usage() {
    let mut process = std::process::Command::new("true").spawn().expect("it starts");
    process.wait().expect("it ends");
    assert_eq!(Watch::new(process.id()).sample(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn cpu_time_and_memory_of_a_server_and_its_children_are_seen() {
    const BUSY: &str = "
import os, socket, sys, threading
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
def burn():
    end = os.times().user + 0.2
    while os.times().user < end:
        pass
listener.accept()
peer = listener.accept()[0]
peer.recv(1)
if os.fork() == 0:
    burn()
    os._exit(0)
os.wait()
thread = threading.Thread(target=burn)
thread.start()
thread.join()
kept = b\"x\" * (32 << 20)
peer.sendall(b\".\")
peer.recv(1)
";
    let Some(target) = python_server(BUSY) else { return };
    let running = target.start(None).expect("it starts");
    let mut watch = Watch::new(running.process().expect("it was started").id());
    let before = watch.sample().expect("it runs");
    assert_eq!(exchange(&running, "."), ".");
    let after = watch.sample().expect("it runs, or waits to be reaped");
    // A child that ended used a fifth of a second, and so did a thread that ended.
    let cpu_ms = (after.cpu_ns - before.cpu_ns) / 1_000_000;
    assert!((350..5_000).contains(&cpu_ms), "{cpu_ms} ms");
    assert!(before.resident_bytes > 1 << 20, "{before:?}");
    drop(running);
    assert_eq!(watch.sample(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_touched_is_counted() {
    const GROWS: &str = "
import socket, sys
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
listener.accept()
peer = listener.accept()[0]
peer.recv(1)
kept = b\"x\" * (32 << 20)
peer.sendall(b\".\")
listener.accept()
";
    let Some(target) = python_server(GROWS) else { return };
    let running = target.start(None).expect("it starts");
    let mut watch = Watch::new(running.process().expect("it was started").id());
    let before = watch.sample().expect("it runs").resident_bytes;
    assert_eq!(exchange(&running, "."), ".");
    let grown = watch.sample().expect("it runs").resident_bytes - before;
    assert!((32 << 20..40 << 20).contains(&grown), "{grown}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_is_pinned_and_we_are_not() {
    use nix::sched::sched_getaffinity;
    let Some(target) = python_server(python::ECHO) else { return };
    let ours = sched_getaffinity(Pid::from_raw(0)).expect("the system tells");
    let first = (0..1_024).find(|cpu| ours.is_set(*cpu) == Ok(true)).expect("there is one");
    let cpus = first.to_string().parse().expect("a CPU");
    let running = target.start(Some(&cpus)).expect("it starts");
    let theirs = sched_getaffinity(Pid::from_raw(pid(&running))).expect("it runs");
    let allowed: Vec<_> = (0..1_024).filter(|cpu| theirs.is_set(*cpu) == Ok(true)).collect();
    assert_eq!(allowed, [first]);
    assert_eq!(sched_getaffinity(Pid::from_raw(0)), Ok(ours));
}
