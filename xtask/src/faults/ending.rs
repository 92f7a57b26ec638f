//! Calls that fail when a connection or the server ends.

use std::net::{Shutdown, TcpStream};

use echo_tests::peer::{connect, ping, rest, send};
use nix::sys::signal::Signal;

use super::row::row;
use super::traced::{Fault, Traced};
use crate::check::Check;

const DRAINS: &str = "the server echoes everything that had arrived and ends, exit code 0";
const GOES_ON: &str = "the server continues, exit code 0";

pub(super) fn checks() -> Vec<Check> {
    let close = |error| {
        row(format!("close {error} ×3"), GOES_ON, move || {
            closes(Fault::new("close", error, FIRST_CLOSES))
        })
    };
    let mut checks = vec![
        row("shutdown ENOTCONN, every call", DRAINS, || {
            drains(Fault::new("shutdown", "ENOTCONN", "1+"), "shutdown", PEERS)
        }),
        row("getsockopt ENOBUFS, every call", DRAINS, || {
            drains(Fault::new("getsockopt", "ENOBUFS", "1+"), "getsockopt", 0)
        }),
    ];
    checks.extend(["EINTR", "EIO"].map(close));
    checks
}

const PEERS: usize = 5;

/// Stops the server while it owes each peer the rest of its line.
fn drains(fault: Fault, call: &str, failed: usize) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "2"]);
    let peers = [(); PEERS].map(|()| connect(server.addr()));
    for peer in &peers {
        ping(peer);
        send(peer, "no newline");
    }
    server.signal(Signal::SIGTERM);
    for peer in peers {
        assert_eq!(rest(&peer), b"no newline");
    }
    let ended = server.end();
    ended.expect(0, failed);
    format!("{PEERS} peers, failed={failed}, {call}: {}", ended.seen(call))
}

/// Calls that come after those of the program's start.
const FIRST_CLOSES: &str = "20..22";

/// Checks closes that fail. strace suppresses the call, so the connection stays open until the server
/// ends. The kernel would close the connection even if it returned an error.
fn closes(fault: Fault) -> String {
    let server = Traced::start(&[fault], &["--num-workers", "1"]);
    let peers: Vec<TcpStream> = (0..30)
        .map(|_| {
            let stream = connect(server.addr());
            ping(&stream);
            stream.shutdown(Shutdown::Write).expect("the connection lives");
            stream
        })
        .collect();
    ping(&connect(server.addr()));
    let ended = server.stop();
    ended.expect(0, 0);
    assert!(peers.iter().all(|peer| rest(peer).is_empty()));
    format!("{} connections one after the other, close: {}", peers.len(), ended.seen("close"))
}
