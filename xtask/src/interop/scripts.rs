//! The network libraries of Python and Node, with hundreds of conversations at a time, one of them
//! large.

use std::process::{Command, Stdio};

use echo_tests::process::{Process, ServerProcess};

use super::tally::Tally;
use crate::check::{Check, Outcome, passed};
use crate::packages::with_packages;

const CONNECTIONS: usize = 300;
const LINES: usize = 100;
const BULK_LEN: usize = 8 << 20;

pub(super) fn checks() -> Vec<Check> {
    // Many machines have a newer Node than the one in the package.
    let node: &[&str] = if is_installed("node") { &[] } else { &["nodejs"] };
    vec![
        with_packages("python asyncio", &["python3"], || {
            crowd("python3", "-c", include_str!("crowd.py"))
        }),
        with_packages("node", node, || crowd("node", "-e", include_str!("crowd.js"))),
    ]
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a script that compares every byte and prints the number of bytes. The server must have counted
/// the same number.
fn crowd(program: &str, flag: &str, script: &str) -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let address = server.addr();
    let mut command = Command::new(program);
    command.args([flag, script]).arg(address.ip().to_string());
    let port = usize::from(address.port());
    command.args([port, CONNECTIONS, LINES, BULK_LEN].map(|number| number.to_string()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let finished = Process::run(command);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let bytes: usize =
        finished.stdout.trim().parse().expect("the script prints the number of bytes");
    Tally::of_stopped(server).expect(CONNECTIONS, bytes);
    passed(format_args!(
        "{CONNECTIONS} connections, {LINES} lines and an unterminated one on each, {bytes} bytes"
    ))
}
