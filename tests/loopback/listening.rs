//! Addresses and ports.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use echo_server::{Config, Server, ServerError};
use echo_tests::alone::skip;
use echo_tests::peer::{self, ping};
use echo_tests::running::{Running, line};

fn at(address: SocketAddr) -> Config {
    Config { address, ..line(1) }
}

#[test]
fn a_port_is_chosen_and_told() {
    let (one, other) = (Running::start(line(1)), Running::start(line(1)));
    for server in [&one, &other] {
        assert!(server.address.ip().is_loopback());
        assert_ne!(server.address.port(), 0);
        ping(&server.connect());
    }
    assert_ne!(one.address, other.address);
}

#[test]
fn a_second_server_on_the_port_is_refused() {
    let first = Running::start(line(1));
    let error = Server::bind(at(first.address)).err().expect("the port is in use");
    assert!(matches!(error, ServerError::Listen { address, .. } if address == first.address));
    assert_eq!(error.to_string(), format!("listen on {}: address in use", first.address));
    // The port is in use on every address of the machine, too.
    let error = Server::bind(at((Ipv4Addr::UNSPECIFIED, first.address.port()).into()));
    assert!(error.is_err());
    ping(&first.connect());
}

#[test]
fn a_port_in_use_by_another_program_is_refused() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = other.local_addr().unwrap();
    let error = Server::bind(at(address)).err().expect("the port is in use");
    assert_eq!(error.to_string(), format!("listen on {address}: address in use"));
}

#[test]
fn an_address_of_another_machine_is_refused() {
    // This address is reserved for documentation (RFC 5737), so no machine has it.
    let address = (Ipv4Addr::new(192, 0, 2, 1), 0).into();
    let error = Server::bind(at(address)).err().expect("the address is not ours");
    assert_eq!(error.to_string(), "listen on 192.0.2.1:0: not an address of this machine");
}

#[test]
fn a_server_that_was_never_run_leaves_the_port_free() {
    let server = Server::bind(line(1)).unwrap();
    let (address, handle) = (server.local_addr(), server.handle());
    drop(server);
    handle.shutdown();
    assert_eq!(handle.stats().adopted, 0);
    ping(&Running::start(at(address)).connect());
}

#[test]
fn a_restart_on_the_same_port_works_at_once() {
    let mut server = Running::start(line(2));
    let address = server.address;
    for _ in 0..5 {
        let streams: Vec<_> = (0..10).map(|_| server.connect()).collect();
        streams.iter().for_each(ping);
        server.handle.shutdown();
        // The server finishes first, so its side of each connection enters TIME_WAIT.
        streams.iter().for_each(|stream| assert_eq!(peer::rest(stream), b""));
        drop(streams);
        server.stop_clean();
        #[cfg(target_os = "linux")]
        assert!(has_time_wait(address.port()), "no connection is in TIME_WAIT");
        server = Running::start(at(address));
        ping(&server.connect());
    }
}

/// Whether a connection of this local port is in TIME_WAIT. Source: `/proc/net/tcp` in proc(5).
#[cfg(target_os = "linux")]
fn has_time_wait(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let is_ours = columns.next().is_some_and(|local| local.ends_with(&format!(":{port:04X}")));
        is_ours && columns.nth(1) == Some("06")
    })
}

#[test]
fn the_unspecified_ipv6_address_serves_both_families() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return skip("no IPv6 here");
    }
    let server = Running::start(at((Ipv6Addr::UNSPECIFIED, 0).into()));
    let port = server.address.port();
    for address in [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()] {
        let stream = peer::connect(address);
        ping(&stream);
        assert_eq!(peer::finish(&stream), b"");
    }
    assert_eq!(server.stop_clean().stats.adopted, 2);
}

#[test]
fn an_ipv6_address_is_served() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return skip("no IPv6 here");
    }
    let server = Running::start(at((Ipv6Addr::LOCALHOST, 0).into()));
    assert!(server.address.is_ipv6());
    ping(&server.connect());
    server.stop_clean();
}
