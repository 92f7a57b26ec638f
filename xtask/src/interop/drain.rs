//! Stops the server with SIGTERM in the middle of conversations through proxies and netcat.
//!
//! Each peer sends a line and the beginning of another line in one piece. Once the peer has received the
//! first line, the beginning has arrived at the server too. The server therefore owes its echo.

use std::net::{SocketAddr, TcpStream};

use echo_tests::peer::{assert_same, connect, expect, rest, send};
use echo_tests::process::ServerProcess;
use nix::sys::signal::Signal;

use super::bystander::Bystander;
use super::clients::netcat;
use super::haproxy::{self, HaProxy};
use super::nginx::{self, Nginx};
use super::proxied::CONNECTIONS;
use super::tally::Tally;
use crate::check::{Check, Outcome, passed};
use crate::packages::with_packages;

const LINE: &[u8] = b"a line\n";
const BEGINNING: &[u8] = b"the beginning of";

/// Number of netcats. Each is a process.
const NETCATS: usize = 20;

pub(super) fn checks() -> Vec<Check> {
    vec![
        with_packages("drain with haproxy", haproxy::PACKAGES, || {
            let server = ServerProcess::start(&[], &[]);
            let proxy = HaProxy::start(server.addr(), &[]);
            drain(server, proxy.address)
        }),
        with_packages("drain with nginx", nginx::PACKAGES, || {
            let server = ServerProcess::start(&[], &[]);
            let proxy = Nginx::start(server.addr());
            drain(server, proxy.address)
        }),
        with_packages("drain with netcat", &["netcat-openbsd"], drain_netcats),
    ]
}

fn drain(server: ServerProcess, proxy: SocketAddr) -> Outcome {
    let streams: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect(proxy)).collect();
    for stream in &streams {
        send(stream, said());
    }
    for stream in &streams {
        expect(stream, LINE);
    }
    server.signal(Signal::SIGTERM);
    for stream in streams {
        assert_same(&rest(&stream), BEGINNING);
    }
    expect_nothing_lost(server, CONNECTIONS)
}

fn drain_netcats() -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let mut netcats: Vec<Bystander> =
        (0..NETCATS).map(|_| Bystander::start(netcat(server.addr()))).collect();
    for netcat in &mut netcats {
        netcat.say(&said());
    }
    for netcat in &netcats {
        assert_same(&netcat.expect_end(LINE), LINE);
    }
    server.signal(Signal::SIGTERM);
    for netcat in netcats {
        assert_same(&netcat.expect_end(BEGINNING), &said());
        netcat.hang_up();
    }
    expect_nothing_lost(server, NETCATS)
}

fn said() -> Vec<u8> {
    [LINE, BEGINNING].concat()
}

/// Checks that the server has ended and has echoed everything.
fn expect_nothing_lost(server: ServerProcess, connections: usize) -> Outcome {
    Tally::of(&server.wait()).expect(connections, connections * said().len());
    passed(format_args!("{connections} open conversations got the rest of the echo, then the end"))
}
