//! Calls that a signal interrupts.

use super::peers::crowd;
use super::row::row;
use super::traced::{Fault, Traced};
use crate::check::Check;

const PROMISE: &str = "nothing is lost or doubled, exit code 0";

/// All calls of the event loop that a signal may interrupt. The waker's write is among them, although
/// the manual says that it is not interrupted.
const CALLS: [&str; 6] = ["accept4", "recvfrom", "sendto", "writev", "epoll_wait", "write"];

pub(super) fn checks() -> Vec<Check> {
    let every_third = |call| {
        row(format!("{call} EINTR, every 3rd call"), PROMISE, move || interrupted(&[call], "1+3"))
    };
    let mut checks: Vec<Check> = CALLS.map(every_third).into();
    let all = "EINTR, every 2nd call of every kind";
    checks.push(row(all, PROMISE, || interrupted(&CALLS, "1+2")));
    checks
}

fn interrupted(calls: &[&'static str], when: &'static str) -> String {
    let faults: Vec<Fault> = calls.iter().map(|call| Fault::new(call, "EINTR", when)).collect();
    let server = Traced::start(&faults, &["--num-workers", "2"]);
    let crowd = crowd(server.addr(), 12, 400_000);
    let ended = server.stop();
    ended.expect(0, 0);
    let struck: usize = calls.iter().map(|call| ended.trace.injected(call)).sum();
    format!("{crowd}, {struck} calls interrupted, exit code 0")
}
