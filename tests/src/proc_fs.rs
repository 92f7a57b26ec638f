//! What Linux reports about a process: descriptors, threads, memory, CPU time, listening sockets.
//! Source: proc(5).
//!
//! Every function panics when the process is gone.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use echo_common::cpus::Cpus;

/// One thread and its accounting by the scheduler so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The name of the thread. The main thread has the program's name.
    pub name: String,
    /// Time on a CPU.
    pub cpu: Duration,
    /// The CPUs that the thread may use.
    pub cpus: Cpus,
    /// The number of its scheduling policy in sched(7): 0 is the usual policy, 3 is `SCHED_BATCH`, 5
    /// is `SCHED_IDLE`.
    pub policy: u32,
    /// How often the thread went to sleep by itself. The count of an idle thread stands still.
    pub voluntary_switches: u64,
}

/// Returns the numbers of the open descriptors. Some may be inherited from the parent.
#[must_use]
pub fn descriptors(pid: u32) -> Vec<usize> {
    numbers(&format!("/proc/{pid}/fd"))
}

/// Returns all threads in the order of their start.
#[must_use]
pub fn threads(pid: u32) -> Vec<Thread> {
    let ids = numbers(&format!("/proc/{pid}/task"));
    ids.into_iter().map(|id| thread(&format!("/proc/{pid}/task/{id}"))).collect()
}

/// Returns the CPU time of all running threads.
#[must_use]
pub fn cpu_time(pid: u32) -> Duration {
    threads(pid).iter().map(|thread| thread.cpu).sum()
}

/// Returns the resident memory in bytes. Counts page by page, because the figure in `status` lags
/// behind.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    1024 * field(&format!("/proc/{pid}/smaps_rollup"), "Rss:")
}

/// Whether the process has ended and its parent has not waited for it yet.
#[must_use]
pub fn has_ended(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("State:\tZ (zombie)")
}

/// Whether a signal has stopped the process.
#[must_use]
pub fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("State:\tT (stopped)")
}

/// Returns the state of each thread as in proc(5): `S` sleeps, `R` runs or is ready to run, `T` is
/// stopped, `t` is stopped by a tracer.
#[must_use]
pub fn thread_states(pid: u32) -> Vec<char> {
    let state = |id| {
        let stat = fs::read_to_string(format!("/proc/{pid}/task/{id}/stat")).unwrap();
        // A name may contain anything, even parentheses.
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap()
    };
    numbers(&format!("/proc/{pid}/task")).into_iter().map(state).collect()
}

/// Whether all threads sleep and none of them has been awake during the check.
#[must_use]
pub fn is_at_rest(pid: u32) -> bool {
    let before = threads(pid);
    let all_sleep = thread_states(pid).iter().all(|&state| state == 'S');
    // A thread that ran in between has used CPU time.
    all_sleep && threads(pid) == before
}

/// Returns the IPv4 address on which the process listens, or `None` if it does not listen.
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

/// Parses an address such as `0100007F:1F90`, which is 127.0.0.1:8080. The bytes of the IP address
/// are in the order of the machine; the port is a number.
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

/// Returns the 41st field of `stat`. The second field is a name in parentheses that may contain
/// anything.
fn policy(dir: &str) -> u32 {
    let stat = fs::read_to_string(format!("{dir}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.split(' ').nth(41 - 3).unwrap().parse().unwrap()
}

/// Returns the names of the entries in a directory, which are numbers, in order.
fn numbers(dir: &str) -> Vec<usize> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut numbers: Vec<usize> =
        names.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// Returns the number after `name` in the line that begins with `name`.
fn field(path: &str, name: &str) -> u64 {
    text_field(path, name).parse().unwrap()
}

/// Returns the first word after `name` in the line that begins with `name`.
fn text_field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    value.split_whitespace().next().unwrap().to_owned()
}
