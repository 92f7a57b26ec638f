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
use super::with_packages;
use crate::check::{Check, Outcome, kept};

/// What to install for it.
pub(super) const PACKAGES: &[&str] = &["nginx", "libnginx-mod-stream"];

/// Where the package puts the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

pub(super) fn checks() -> Vec<Check> {
    vec![with_packages("nginx stream", PACKAGES, traffic)]
}

fn traffic() -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let proxy = Nginx::start(server.addr());
    let bytes = crowd(proxy.address);
    Tally::of_stopped(server).expect(CONNECTIONS, bytes);
    kept(format_args!("{CONNECTIONS} connections, {bytes} bytes, half-closes passed on"))
}

/// A running nginx. Stopped when dropped.
pub(super) struct Nginx {
    /// `None` once it was stopped.
    master: Option<Process>,
    _dir: TempDir,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Nginx {
    /// Starts it in front of `server`.
    #[track_caller]
    pub(super) fn start(server: SocketAddr) -> Self {
        let dir = TempDir::new().unwrap();
        let config = dir.path().join("nginx.conf");
        let (address, listener) = front();
        fs::write(&config, text(address, server)).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir.path()).arg("-c").arg(config).args(["-e", "stderr"]);
        // As when it replaces its own binary: descriptor 0 is the socket that listens.
        command.env("NGINX", "0;").stdin(OwnedFd::from(listener));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self { master: Some(Process::spawn(command)), _dir: dir, address }
    }
}

impl Drop for Nginx {
    /// The master ends its workers, which would outlive it if it were killed.
    fn drop(&mut self) {
        if let Some(master) = self.master.take() {
            master.signal(Signal::SIGTERM);
            master.wait();
        }
    }
}

/// By default nginx closes both sides when one has ended. It crashes when it inherits a socket
/// without a master process.
fn text(front: SocketAddr, server: SocketAddr) -> String {
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
