//! The start of the server: the address on which it listens, and the errors that prevent it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

#[cfg(target_os = "linux")]
use echo_tests::peer::{connect, echo};
use echo_tests::proc_fs::{descriptors, threads};
use echo_tests::process::{
    Process, ServerProcess, excerpt, listening_address, server_command, server_shell,
};
#[cfg(target_os = "linux")]
use echo_tests::wait::wait_until;

#[test]
fn port_0_logs_the_real_address() {
    let server = ServerProcess::start(&["--port", "0"], &[]);
    assert_ne!(server.addr().port(), 0);
    assert_eq!(server.addr().ip(), Ipv4Addr::LOCALHOST);
    echo(&connect(server.addr()), "hello\n");
}

#[test]
fn two_servers_on_port_0_have_a_port_each() {
    let (one, other) = (ServerProcess::start(&[], &[]), ServerProcess::start(&[], &[]));
    assert_ne!(one.addr(), other.addr());
}

#[test]
fn ipv6_is_served_and_its_unspecified_address_serves_ipv4_too() {
    if let Err(error) = TcpListener::bind("[::1]:0") {
        return eprintln!("skipped: no IPv6 here: {error}");
    }
    let server = ServerProcess::start(&["--ip", "::1"], &[]);
    assert_eq!(server.addr().ip(), Ipv6Addr::LOCALHOST);
    echo(&connect(server.addr()), "hello\n");

    let server = ServerProcess::start(&["--ip", "::"], &[]);
    for ip in [IpAddr::from(Ipv6Addr::LOCALHOST), Ipv4Addr::LOCALHOST.into()] {
        let stream = connect((ip, server.addr().port()).into());
        let peer = stream.local_addr().unwrap();
        echo(&stream, "hello\n");
        // The log shows an IPv4 peer as 127.0.0.1, not as ::ffff:127.0.0.1.
        server.wait_for_line(&format!("connection opened peer={peer} "));
    }
}

#[test]
fn a_port_in_use_is_an_error_that_names_the_address_and_the_reason() {
    let taken = ServerProcess::start(&[], &[]);
    let port = taken.addr().port().to_string();
    for level in ["INFO", "OFF"] {
        let args = ["--port", &port, "--log_level", level];
        let finished = Process::run(server_command(&args, &[]));
        finished.expect_code(1);
        assert_eq!(
            finished.stderr,
            format!("server: listen on {}: address in use\n", taken.addr())
        );
    }
    echo(&connect(taken.addr()), "the first one still serves\n");
}

#[test]
fn an_address_that_is_not_ours_is_an_error_that_names_it() {
    // No machine has an address of TEST-NET-1 (RFC 5737) or of the documentation prefix (RFC 3849).
    for (ip, shown) in [("192.0.2.1", "192.0.2.1:7"), ("2001:db8::1", "[2001:db8::1]:7")] {
        if ip.contains(':') && TcpListener::bind("[::1]:0").is_err() {
            eprintln!("skipped: no IPv6 here");
            continue;
        }
        for level in ["INFO", "off"] {
            let args = ["--ip", ip, "--port", "7", "--log-level", level];
            let finished = Process::run(server_command(&args, &[]));
            finished.expect_code(1);
            let sentence = format!("server: listen on {shown}: not an address of this machine\n");
            assert_eq!(finished.stderr, sentence);
        }
    }
}

/// With each limit on descriptors the server either prints a clear sentence or runs until it is stopped.
/// If it runs and has a descriptor left for a connection, it serves the connection.
#[cfg(target_os = "linux")]
#[test]
fn with_few_descriptors_the_server_says_so_or_serves() {
    let mut served = 0;
    for limit in 5..16 {
        let script = format!(r#"ulimit -n {limit}; exec "$0" "$@""#);
        let process = Process::spawn(server_shell(&script, &["--num-workers", "2"]));
        let line = process.stderr().wait_for("");
        if !line.contains("listening address=") {
            let finished = process.wait();
            finished.expect_code(1);
            assert_eq!(finished.stderr.lines().count(), 1, "{}", excerpt(&finished.stderr));
            assert!(line.contains("open files"), "{line}");
            continue;
        }
        let stream = connect(listening_address(&line));
        if descriptors(process.pid()).iter().filter(|number| **number < limit).count() < limit {
            echo(&stream, "hello\n");
            served += 1;
        }
        // The signal handler is installed before the threads start.
        wait_until("the acceptor", || {
            threads(process.pid()).iter().any(|it| it.name == "acceptor")
        });
        process.signal(nix::sys::signal::Signal::SIGTERM);
        drop(stream);
        process.wait().expect_code(0);
    }
    assert!((1..11).contains(&served), "{served} limits were enough");
}
