//! HAProxy in TCP mode in front of the server, and what it thinks of the server's health.

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

/// What to install for it.
pub(super) const PACKAGES: &[&str] = &["haproxy"];

const ADMIN_SOCKET: &str = "admin";

/// A running HAProxy. Killed when dropped.
pub(super) struct HaProxy {
    process: Process,
    dir: TempDir,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl HaProxy {
    /// Starts it in front of `server`, whose health is checked ten times a second with these rules,
    /// one a line.
    #[track_caller]
    pub(super) fn start(server: SocketAddr, rules: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let config = dir.path().join("haproxy.cfg");
        let (address, listener) = front();
        fs::write(&config, text(&dir.path().join(ADMIN_SOCKET), server, rules)).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(config).stdin(OwnedFd::from(listener));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self { process: Process::spawn(command), dir, address }
    }

    /// Waits until it takes the server for `status` after a check that came to one of `results`.
    ///
    /// # Panics
    /// When it does not, with what it has said.
    #[track_caller]
    pub(super) fn wait_for(&self, status: &str, results: &[&str]) {
        let mut seen = None;
        let comes = holds_in_time(|| {
            seen = self.health().ok();
            seen.as_ref().is_some_and(|(is, result)| is == status && results.contains(&&**result))
        });
        let said = self.process.stderr().so_far();
        assert!(comes, "not {status} by {results:?} in {DEADLINE:?} but {seen:?}\n{said}");
    }

    /// Its server's status and the result of the last check.
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

/// The server's cell in the column of this name.
fn cell<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let column = table.lines().next()?.split(',').position(|title| title == name)?;
    let row = table.lines().find(|row| row.starts_with("back,server,"))?;
    row.split(',').nth(column)
}

/// Descriptor 0 is the socket that listens.
fn text(admin: &Path, server: SocketAddr, rules: &[&str]) -> String {
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
