//! The network libraries of Python and Node: hundreds of conversations at a time, and a large one.

use std::process::{Command, Stdio};

use echo_tests::process::{Process, ServerProcess};

use super::tally::Tally;
use super::with_packages;
use crate::check::{Check, Outcome, kept};

const CONNECTIONS: usize = 300;
const LINES: usize = 100;
const BULK_LEN: usize = 8 << 20;

pub(super) fn checks() -> Vec<Check> {
    // Many machines have a newer Node than the package.
    let node: &[&str] = if is_there("node") { &[] } else { &["nodejs"] };
    vec![
        with_packages("python asyncio", &["python3"], || {
            crowd("python3", "-c", include_str!("crowd.py"))
        }),
        with_packages("node", node, || crowd("node", "-e", include_str!("crowd.js"))),
    ]
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The script compares, and fails if it has to; the server has to have counted the same.
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
    let bytes: usize = finished.stdout.trim().parse().expect("the script says how many bytes");
    Tally::of_stopped(server).expect(CONNECTIONS, bytes);
    kept(format_args!("{CONNECTIONS} connections, {LINES} lines and a rest each, {bytes} bytes"))
}
