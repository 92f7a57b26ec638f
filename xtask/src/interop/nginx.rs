//! nginx as a stream proxy in front of the server.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use echo_tests::process::{Process, ServerProcess};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::proxied::{CONNECTIONS, crowd, front};
use super::tally::Tally;
use crate::check::{Check, Outcome, passed};
use crate::packages::with_packages;

/// The Debian packages of nginx.
pub(super) const PACKAGES: &[&str] = &["nginx", "libnginx-mod-stream"];

/// The path of the stream module in the package.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

pub(super) fn checks() -> Vec<Check> {
    vec![with_packages("nginx stream", PACKAGES, traffic)]
}

fn traffic() -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let proxy = Nginx::start(server.addr());
    let bytes = crowd(proxy.address);
    Tally::of_stopped(server).expect(CONNECTIONS, bytes);
    passed(format_args!("{CONNECTIONS} connections, {bytes} bytes, half-closes are forwarded"))
}

/// A running nginx. It is stopped when dropped.
pub(super) struct Nginx {
    /// The master process. `None` after the stop.
    master: Option<Process>,
    _dir: TempDir,
    /// The address on which it listens.
    pub(super) address: SocketAddr,
}

impl Nginx {
    /// Starts nginx in front of `server`.
    #[track_caller]
    pub(super) fn start(server: SocketAddr) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("nginx.conf");
        let (address, listener) = front();
        fs::write(&file, config(address, server)).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir.path()).arg("-c").arg(file).args(["-e", "stderr"]);
        // nginx inherits descriptor 0 as its listening socket, as when it replaces its own binary.
        command.env("NGINX", "0;").stdin(OwnedFd::from(listener));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self { master: Some(Process::spawn(command)), _dir: dir, address }
    }
}

impl Drop for Nginx {
    /// Asks the master to stop, because only then does it stop its workers. They would survive if it
    /// were killed.
    fn drop(&mut self) {
        if let Some(master) = self.master.take() {
            master.signal(Signal::SIGTERM);
            master.wait();
        }
    }
}

/// Returns the configuration. `proxy_half_close` is on, because nginx otherwise closes both sides when
/// one ends. The master process stays on, because nginx crashes if it inherits a socket without one.
fn config(front: SocketAddr, server: SocketAddr) -> String {
    format!(
        "load_module {MODULE};
daemon off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
stream {{
    server {{
        listen {front};
        proxy_pass {server};
        proxy_half_close on;
    }}
}}
"
    )
}
