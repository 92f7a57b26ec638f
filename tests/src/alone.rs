//! Tests that look at the whole process need one to themselves.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Names the test that the process is for.
const TEST_VARIABLE: &str = "ECHO_TEST_ALONE";

/// A process that takes longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs the test `name`, as the test program knows it, alone in a process of its own: `body` runs
/// there, and not in the caller's.
///
/// # Panics
/// When the test fails there, with what it said.
#[track_caller]
pub fn alone(name: &str, body: impl FnOnce()) {
    if env::var(TEST_VARIABLE).as_deref() == Ok(name) {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--include-ignored"]);
    command.env(TEST_VARIABLE, name).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = child.id();
    let (sender, ended) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = match ended.recv_timeout(DEADLINE) {
        Ok(output) => output.unwrap(),
        Err(RecvTimeoutError::Timeout) => {
            end(pid);
            panic!("{name} hangs: {:?}", ended.recv());
        }
        Err(RecvTimeoutError::Disconnected) => panic!("{name}: nobody waits for it"),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{stdout}\n{stderr}", output.status);
    assert!(stdout.contains("1 passed"), "there is no test {name}:\n{stdout}");
    if let Some(line) = stderr.lines().find(|line| line.starts_with(SKIPPED)) {
        tell(line);
    }
}

const SKIPPED: &str = "skipped: ";

/// Says, past the capture of the test's output, why a test checks nothing here.
pub fn skip(reason: &str) {
    tell(&format!("{SKIPPED}{reason}"));
}

fn tell(line: &str) {
    // Nothing else can be done when nobody listens.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(unix)]
fn end(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    // It may have ended just now.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

#[cfg(not(unix))]
fn end(_: u32) {}
