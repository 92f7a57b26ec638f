//! Runs the real program. Every wait has a deadline, and its message says what the test waited for.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long a wait may take. Every wait takes far less.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The exit code and the output of a client that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    #[track_caller]
    pub(crate) fn expect(self, code: i32, stdout: impl AsRef<[u8]>) -> Self {
        let stdout = stdout.as_ref();
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(
            self.stdout == stdout,
            "expected {} bytes of output, got {}: {:?}\n{}",
            stdout.len(),
            self.stdout.len(),
            String::from_utf8_lossy(&self.stdout[..self.stdout.len().min(200)]),
            self.stderr
        );
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Returns the one line of the log that contains all of `parts`.
    #[track_caller]
    pub(crate) fn logged(&self, parts: &[&str]) -> &str {
        let mut lines =
            self.stderr.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
        let line = lines.next().unwrap_or_else(|| panic!("no {parts:?} in:\n{}", self.stderr));
        assert_eq!(lines.next(), None, "{parts:?} twice in:\n{}", self.stderr);
        line
    }

    #[track_caller]
    pub(crate) fn summary(&self, parts: &[&str]) {
        let line = self.logged(&["[INFO ] summary "]);
        for part in parts {
            assert!(line.split(' ').any(|word| word == *part), "no {part} in {line}");
        }
    }
}

/// Returns a command for the client, without the client's variables of the environment.
pub(crate) fn client() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_client")))
}

/// Returns the command `sh -c script`, with the client as `$0` and its arguments as `$@`.
pub(crate) fn shell(script: &str) -> Command {
    let mut command = clean(Command::new("sh"));
    command.args(["-c", script, env!("CARGO_BIN_EXE_client")]);
    command
}

fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ECHO_CLIENT_") {
            command.env_remove(name);
        }
    }
    command
}

/// Returns a command for the client with the address of `server`.
pub(crate) fn client_of(server: SocketAddr) -> Command {
    let mut command = client();
    to_server(&mut command, server);
    command
}

pub(crate) fn to_server(command: &mut Command, server: SocketAddr) {
    command.args(["--server-ip", &server.ip().to_string()]);
    command.args(["--server-port", &server.port().to_string()]);
}

/// Runs the client to its end, with an empty standard input.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Finished {
    Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped())).finish()
}

/// Runs the client against `server` with these arguments, to its end.
#[track_caller]
pub(crate) fn run_with<A: AsRef<OsStr>>(
    server: SocketAddr,
    args: impl IntoIterator<Item = A>,
) -> Finished {
    run(client_of(server).args(args))
}

/// Runs the client with `input` on its standard input.
#[track_caller]
pub(crate) fn run_with_input(command: &mut Command, input: Vec<u8>) -> Finished {
    let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut stdin = running.stdin.take().unwrap();
    // The write fails if the client ends early. Its output then shows the reason.
    thread::spawn(move || drop(stdin.write_all(&input)));
    running.finish()
}

/// A running client. It is killed if this is dropped before the end.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    received: Vec<u8>,
    log: Vec<u8>,
}

impl Running {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map_or_else(|| channel().1, lines),
            stderr: lines(child.stderr.take().unwrap()),
            child,
            received: Vec::new(),
            log: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line on standard output.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> Vec<u8> {
        let line = self.stdout.recv_timeout(DEADLINE).expect("a line of output");
        self.received.extend_from_slice(&line);
        line
    }

    /// Waits for a line of the log that contains `part`.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, part: &str) {
        loop {
            let line = self.stderr.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| {
                panic!("no {part:?} in the log, so far: {:?}", String::from_utf8_lossy(&self.log))
            });
            self.log.extend_from_slice(&line);
            if String::from_utf8_lossy(&line).contains(part) {
                return;
            }
        }
    }

    /// Waits for the end of the client.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Finished {
        drop(self.stdin.take());
        drain(&self.stdout, &mut self.received, "standard output");
        drain(&self.stderr, &mut self.log, "standard error");
        let status = self.child.wait().unwrap();
        Finished {
            code: status.code(),
            stdout: std::mem::take(&mut self.received),
            stderr: String::from_utf8_lossy(&self.log).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn drain(lines: &Receiver<Vec<u8>>, all: &mut Vec<u8>, what: &str) {
    use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) => all.extend_from_slice(&line),
            Err(Disconnected) => return,
            Err(Timeout) => panic!("the client did not end its {what}"),
        }
    }
}

/// Returns a channel with each line of the pipe, including its newline, as soon as it arrives.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            match pipe.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => drop(sender.send(line)),
            }
        }
    });
    receiver
}
