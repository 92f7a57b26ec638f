//! Runs a test in a process of its own, for tests that measure the whole process.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The environment variable that names the test of the process.
const TEST_VARIABLE: &str = "ECHO_TEST_ALONE";

/// How long the process may take; after that it counts as hanging.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs `body` alone in a new process. `name` is the calling test's name in the test program.
///
/// The new process runs the same test, so this function is called there again and then runs `body`.
///
/// # Panics
/// When the test fails in the new process; the message contains its output.
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
        Err(RecvTimeoutError::Disconnected) => {
            panic!("{name}: the thread that waits for the process is gone")
        }
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

/// Writes to stderr, even if the output of the test is captured, why a test checks nothing here.
pub fn skip(reason: &str) {
    tell(&format!("{SKIPPED}{reason}"));
}

fn tell(line: &str) {
    // If stderr is closed, there is no other place to write to.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(unix)]
fn end(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    // The signal fails if the process has just ended.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

#[cfg(not(unix))]
fn end(_: u32) {}
