//! A network namespace: interfaces, addresses, routes and sockets of its own.
//!
//! It has no name that would have to be removed: the system frees it when its last user is gone,
//! however that came about. Source: `network_namespaces(7)`, `setns(2)`.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::process::{Command, id};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace. It lives as long as this value, its processes and its sockets.
#[derive(Debug)]
pub(super) struct Namespace(File);

impl Namespace {
    /// A namespace with nothing but a loopback interface that is down.
    ///
    /// # Errors
    /// Why there can be none here, in one line.
    pub(super) fn new() -> Result<Self, String> {
        let made = thread::spawn(|| -> io::Result<File> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let made = made.join().expect("the thread does not panic");
        made.map(Self).map_err(|error| format!("unshare, for a network namespace: {error}"))
    }

    /// Does `work` on a thread in this namespace. Sockets and processes made there stay in it,
    /// whoever uses them.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).expect("it was made here");
                work()
            });
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Runs a command, its words separated by spaces, and returns what it printed.
    ///
    /// # Errors
    /// Which command failed and what it said, in one line.
    pub(super) fn run(&self, command: &str) -> Result<String, String> {
        let mut words = command.split_whitespace();
        let mut process = Command::new(words.next().expect("a command has a name"));
        let output = self
            .within(|| process.args(words).output())
            .map_err(|error| format!("{command}: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.trim().lines().last().unwrap_or("no word").to_owned();
            return Err(format!("{command}: {last}"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Sets a parameter, named as in `/proc/sys/net`.
    ///
    /// # Errors
    /// Which parameter cannot be set and why, in one line.
    pub(super) fn set(&self, parameter: &str, value: impl Display) -> Result<(), String> {
        let (path, value) = (format!("/proc/sys/net/{parameter}"), value.to_string());
        let written = self.within(|| fs::write(&path, &value));
        written.map_err(|error| format!("{value} to {path}: {error}"))
    }

    /// A counter of the system's, such as `Tcp: RetransSegs`.
    ///
    /// # Panics
    /// When there is none of this name.
    #[track_caller]
    pub(super) fn counter(&self, protocol: &str, name: &str) -> u64 {
        let read = |file| fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
        let tables = self.within(|| read("snmp") + &read("netstat"));
        let mut rows = tables.lines().filter_map(|row| row.strip_prefix(protocol));
        let (names, values) = (rows.next().unwrap(), rows.next().unwrap());
        let mut columns = names.split_whitespace().zip(values.split_whitespace());
        let column = columns.find(|(column, _)| *column == name);
        column.unwrap_or_else(|| panic!("no {protocol} {name}")).1.parse().unwrap()
    }

    /// Where another process finds the namespace.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", id(), self.0.as_raw_fd())
    }
}
