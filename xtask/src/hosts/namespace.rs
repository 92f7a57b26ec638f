//! A network namespace, which has interfaces, addresses, routes and sockets of its own.
//!
//! It has no name, so nothing has to remove it. The kernel frees it when its last user is gone, for
//! any reason. Source: `network_namespaces(7)`, `setns(2)`.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::process::{Command, id};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace. It exists as long as this value, its processes and its sockets.
#[derive(Debug)]
pub(super) struct Namespace(File);

impl Namespace {
    /// Creates a namespace. It contains only a loopback interface, which is down.
    ///
    /// # Errors
    /// One line that says why it cannot be created.
    pub(super) fn new() -> Result<Self, String> {
        let file = thread::spawn(|| -> io::Result<File> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let file = file.join().expect("the thread does not panic");
        file.map(Self).map_err(|error| format!("cannot create a network namespace: {error}"))
    }

    /// Does `work` on a thread in this namespace. Sockets and processes that it creates stay in the
    /// namespace, also when other threads use them.
    ///
    /// # Panics
    /// If `work` panics.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).expect("a thread can enter its namespace");
                work()
            });
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Runs a command whose words are separated by spaces, and returns its output.
    ///
    /// # Errors
    /// One line with the command and the last line of its error output.
    pub(super) fn run(&self, command: &str) -> Result<String, String> {
        let mut words = command.split_whitespace();
        let mut process = Command::new(words.next().expect("a command has a name"));
        let output = self
            .within(|| process.args(words).output())
            .map_err(|error| format!("{command}: {error}"))?;
        if !output.status.success() {
            let printed = String::from_utf8_lossy(&output.stderr);
            let last = printed.trim().lines().last().unwrap_or("no message").to_owned();
            return Err(format!("{command}: {last}"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Sets a parameter of the kernel, named as in `/proc/sys/net`.
    ///
    /// # Errors
    /// One line that says which parameter cannot be set and why.
    pub(super) fn set(&self, parameter: &str, value: impl Display) -> Result<(), String> {
        let (path, value) = (format!("/proc/sys/net/{parameter}"), value.to_string());
        let written = self.within(|| fs::write(&path, &value));
        written.map_err(|error| format!("cannot write {value} to {path}: {error}"))
    }

    /// Returns a counter of the kernel, such as `Tcp: RetransSegs`.
    ///
    /// # Panics
    /// If there is no counter with this name.
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

    /// Returns the path by which another process can open the namespace.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", id(), self.0.as_raw_fd())
    }
}
