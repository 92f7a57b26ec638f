//! What Linux tells about a process: descriptors, threads, memory, CPU time, listening sockets.
//! Source: proc(5).
//!
//! Everything panics when the process is gone.

// What cannot be read fails the test by panicking.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use echo_common::cpus::Cpus;

/// One thread, as the scheduler has accounted for it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The name it was given; the main thread has the program's.
    pub name: String,
    /// Time on a CPU.
    pub cpu: Duration,
    /// The CPUs that it may use.
    pub cpus: Cpus,
    /// Its scheduling policy, as sched(7) numbers them: 0 is the usual one, 3 `SCHED_BATCH`,
    /// 5 `SCHED_IDLE`.
    pub policy: u32,
    /// How often it went to sleep by itself: an idle thread's count stands still.
    pub voluntary_switches: u64,
}

/// The descriptors that are open, as numbers. Some may be the parent's, handed down.
#[must_use]
pub fn descriptors(pid: u32) -> Vec<usize> {
    numbers(&format!("/proc/{pid}/fd"))
}

/// All threads, in the order of their start.
#[must_use]
pub fn threads(pid: u32) -> Vec<Thread> {
    let ids = numbers(&format!("/proc/{pid}/task"));
    ids.into_iter().map(|id| thread(&format!("/proc/{pid}/task/{id}"))).collect()
}

/// The CPU time of all threads that live.
#[must_use]
pub fn cpu_time(pid: u32) -> Duration {
    threads(pid).iter().map(|thread| thread.cpu).sum()
}

/// Resident memory in bytes, counted page by page: the figure of `status` lags behind.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    1024 * field(&format!("/proc/{pid}/smaps_rollup"), "Rss:")
}

/// Whether the process has ended and nobody has asked how.
#[must_use]
pub fn has_ended(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("State:\tZ (zombie)")
}

/// Whether the process was stopped by a signal.
#[must_use]
pub fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("State:\tT (stopped)")
}

/// The state of each thread: `S` sleeps, `R` runs or will, `T` is stopped, `t` by a tracer; proc(5).
#[must_use]
pub fn thread_states(pid: u32) -> Vec<char> {
    let state = |id| {
        let stat = fs::read_to_string(format!("/proc/{pid}/task/{id}/stat")).unwrap();
        // A name may hold anything, parentheses too.
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap()
    };
    numbers(&format!("/proc/{pid}/task")).into_iter().map(state).collect()
}

/// Whether all threads sleep and nothing has woken any of them.
#[must_use]
pub fn is_at_rest(pid: u32) -> bool {
    let before = threads(pid);
    let all_sleep = thread_states(pid).iter().all(|&state| state == 'S');
    // One that ran in between has used CPU time.
    all_sleep && threads(pid) == before
}

/// The IPv4 address on which the process listens, if it does.
#[must_use]
pub fn listening_address(pid: u32) -> Option<SocketAddr> {
    let sockets: Vec<String> = descriptors(pid)
        .into_iter()
        .filter_map(|number| fs::read_link(format!("/proc/{pid}/fd/{number}")).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    table.lines().skip(1).find_map(|row| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let is_listening = columns[3] == "0A";
        (is_listening && sockets.contains(&format!("socket:[{}]", columns[9])))
            .then(|| parse_address(columns[1]))
    })
}

/// `0100007F:1F90` is 127.0.0.1:8080: the address as the machine holds it, the port as a number.
fn parse_address(text: &str) -> SocketAddr {
    let (ip, port) = text.split_once(':').unwrap();
    let ip = Ipv4Addr::from(u32::from_str_radix(ip, 16).unwrap().to_ne_bytes());
    (ip, u16::from_str_radix(port, 16).unwrap()).into()
}

fn thread(dir: &str) -> Thread {
    let schedstat = fs::read_to_string(format!("{dir}/schedstat")).unwrap();
    let nanos = schedstat.split(' ').next().unwrap().parse().unwrap();
    Thread {
        name: fs::read_to_string(format!("{dir}/comm")).unwrap().trim_end().to_owned(),
        cpu: Duration::from_nanos(nanos),
        cpus: text_field(&format!("{dir}/status"), "Cpus_allowed_list:").parse().unwrap(),
        policy: policy(dir),
        voluntary_switches: field(&format!("{dir}/status"), "voluntary_ctxt_switches:"),
    }
}

/// The 41st field of `stat`; the second is a name in parentheses, which may hold anything.
fn policy(dir: &str) -> u32 {
    let stat = fs::read_to_string(format!("{dir}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.split(' ').nth(41 - 3).unwrap().parse().unwrap()
}

/// The names in a directory of numbers, in order.
fn numbers(dir: &str) -> Vec<usize> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut numbers: Vec<usize> =
        names.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// The first number after `name` at the beginning of a line.
fn field(path: &str, name: &str) -> u64 {
    text_field(path, name).parse().unwrap()
}

/// The first word after `name` at the beginning of a line.
fn text_field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    value.split_whitespace().next().unwrap().to_owned()
}
