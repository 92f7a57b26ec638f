//! Servers in Python, for tests that start a server which is not ours.

use std::io::{Write, stderr};
use std::process::Command;

/// A server that echoes on every connection, one at a time, until it is ended.
pub const ECHO: &str = "
import socket, sys
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
while True:
    peer = listener.accept()[0]
    while data := peer.recv(65536):
        peer.sendall(data)
";

/// Returns a command line that runs `script`, which has no apostrophes, with the port as its argument.
/// Where there is no Python, says that the test is skipped, and returns nothing.
#[must_use]
pub fn command_line(script: &str) -> Option<String> {
    let mut check = Command::new("python3");
    if !check.args(["-c", ""]).status().is_ok_and(|status| status.success()) {
        let _ = writeln!(stderr(), "skipped: there is no python3");
        return None;
    }
    Some(format!("python3 -c '{script}' {{port}}"))
}
