//! HAProxy in TCP mode in front of the server, and the result of its health checks.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use echo_tests::process::Process;
use echo_tests::wait::{DEADLINE, holds_in_time};
use tempfile::TempDir;

use super::proxied::front;

/// The Debian packages of HAProxy.
pub(super) const PACKAGES: &[&str] = &["haproxy"];

const ADMIN_SOCKET: &str = "admin";

/// A running HAProxy. It is killed when dropped.
pub(super) struct HaProxy {
    process: Process,
    dir: TempDir,
    /// The address on which it listens.
    pub(super) address: SocketAddr,
}

impl HaProxy {
    /// Starts HAProxy in front of `server`. It checks the server's health ten times a second with these
    /// rules, each of which is one line of its configuration.
    #[track_caller]
    pub(super) fn start(server: SocketAddr, rules: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("haproxy.cfg");
        let (address, listener) = front();
        fs::write(&file, config(&dir.path().join(ADMIN_SOCKET), server, rules)).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file).stdin(OwnedFd::from(listener));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self { process: Process::spawn(command), dir, address }
    }

    /// Waits until HAProxy reports `status` for the server, and one of `results` for the last health
    /// check.
    ///
    /// # Panics
    /// If that does not happen in time. The message shows what HAProxy printed.
    #[track_caller]
    pub(super) fn wait_for(&self, status: &str, results: &[&str]) {
        let mut seen = None;
        let comes = holds_in_time(|| {
            seen = self.health().ok();
            seen.as_ref().is_some_and(|(is, result)| is == status && results.contains(&&**result))
        });
        let printed = self.process.stderr().so_far();
        assert!(
            comes,
            "expected {status} by {results:?} within {DEADLINE:?}, found {seen:?}\n{printed}"
        );
    }

    /// Reads the server's status and the result of the last health check.
    fn health(&self) -> io::Result<(String, String)> {
        let mut admin = UnixStream::connect(self.dir.path().join(ADMIN_SOCKET))?;
        admin.set_read_timeout(Some(DEADLINE))?;
        admin.write_all(b"show stat\n")?;
        admin.shutdown(Shutdown::Write)?;
        let mut table = String::new();
        admin.read_to_string(&mut table)?;
        let cell = |name| cell(&table, name).ok_or(io::ErrorKind::InvalidData);
        Ok((cell("status")?.to_owned(), cell("check_status")?.to_owned()))
    }
}

/// Returns the server's cell in the column called `name`.
fn cell<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let column = table.lines().next()?.split(',').position(|title| title == name)?;
    let row = table.lines().find(|row| row.starts_with("back,server,"))?;
    row.split(',').nth(column)
}

/// Returns the configuration. HAProxy accepts on descriptor 0, the listening socket that it inherits.
fn config(admin: &Path, server: SocketAddr, rules: &[&str]) -> String {
    let admin = admin.display();
    let rules: String = rules.iter().map(|rule| format!("    {rule}\n")).collect();
    format!(
        "global
    stats socket {admin} mode 600
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend front
    bind fd@0
    default_backend back
backend back
{rules}    server server {server} check inter 100ms
"
    )
}
