//! A client host that vanishes while its connections are open. The server never hears from it again.

use std::net::TcpStream;
use std::thread;

use echo_tests::content::Content;
use echo_tests::peer;
use echo_tests::proc_fs::descriptors;
use echo_tests::process::{Finished, ServerProcess};
use echo_tests::random::Random;
use echo_tests::wait::{holds_in_time, wait_until};

use super::network::Network;
use super::traffic::{finish, wait_until_acknowledged};
use crate::check::{Outcome, passed};

const PER_FAMILY: usize = 5;

/// Checks that the idle timeout closes silent connections, connections in the middle of a line, and
/// connections to which the server owes bytes.
pub(super) fn idle_timeout(network: &Network) -> Outcome {
    let server = network.serve(&["--idle-timeout", "3s"]);
    let at_first = descriptors(server.pid()).len();
    let unread = unread(network, &server);
    let silent = idle(network, &server);
    let in_line = idle(network, &server);
    in_line.iter().for_each(|stream| peer::send(stream, "half a line"));
    let owed = unacknowledged(network, &server);
    network.lose_packets_for(&network.server);
    wait_until("the end of all connections", || descriptors(server.pid()).len() == at_first);
    network.restore();
    expect_serves(network, &server);
    let end = server.stop();
    end.expect_code(0);
    let count = silent.len() + in_line.len() + unread.len() + owed.len();
    expect_closed(&end, "idle", count);
    let _ = end.line_with(&["summary connections=", &format!(" failed=0 idle={count} cut=0 ")]);
    passed(format_args!("{count} connections closed as idle, their descriptors are free"))
}

/// Checks a host from which nothing arrives any more.
pub(super) fn silently(network: &Network) -> Outcome {
    is_given_up(network, || network.lose_packets_for(&network.server))
}

/// Checks a host that the router reports as unreachable for each packet.
pub(super) fn unreachable(network: &Network) -> Outcome {
    for limit in ["ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"] {
        network.router.set(limit, 0).unwrap();
    }
    is_given_up(network, || {
        network.client.namespace.run("ip link delete eth0").unwrap();
        network.pass_packets_for(&network.client);
    })
}

/// Checks that connections with unacknowledged bytes end as reset after the kernel's retransmissions.
/// The number of retransmissions is set to two.
fn is_given_up(network: &Network, vanish: impl Fn()) -> Outcome {
    network.server.namespace.set("ipv4/tcp_retries2", 2).unwrap();
    let server = network.serve(&[]);
    let at_first = descriptors(server.pid()).len();
    let owed = unacknowledged(network, &server);
    vanish();
    wait_until("the end of all connections", || descriptors(server.pid()).len() == at_first);
    expect_reset(server, owed.len())
}

/// Checks a host that restarts. It does not know its old connections, and resets them when packets
/// arrive.
pub(super) fn restart(network: &Network) -> Outcome {
    let server = network.serve(&[]);
    let at_first = descriptors(server.pid()).len();
    let owed = unacknowledged(network, &server);
    network.lose_packets_for(&network.server);
    let count = owed.len();
    owed.into_iter().for_each(peer::reset);
    network.restore();
    wait_until("the end of all connections", || descriptors(server.pid()).len() == at_first);
    expect_serves(network, &server);
    expect_reset(server, count)
}

/// Checks that the drain timeout cuts off connections whose echo was sent but not acknowledged.
pub(super) fn stop_unacknowledged(network: &Network) -> Outcome {
    let server = network.serve(&["--drain-timeout", "2s"]);
    let owed = unacknowledged(network, &server);
    let outcome = expect_cut(server, owed.len());
    owed.iter().for_each(peer::expect_silence);
    outcome
}

/// Checks that the drain timeout cuts off connections whose echo did not fit into the send buffer.
pub(super) fn stop_unread(network: &Network) -> Outcome {
    let server = network.serve(&["--drain-timeout", "2s"]);
    let unread = unread(network, &server);
    network.cut();
    expect_cut(server, unread.len())
}

/// Checks that idle connections do not delay the stop. Every byte was acknowledged, so the server owes
/// nothing, although the end of the stream never arrives. The drain timeout is longer than any check
/// waits.
pub(super) fn stop_idle(network: &Network) -> Outcome {
    let server = network.serve(&["--drain-timeout", "1h"]);
    let idle = idle(network, &server);
    wait_until_acknowledged(network, &server, idle.len());
    network.cut();
    let end = server.stop();
    end.expect_code(0);
    expect_closed(&end, "shutdown", idle.len());
    let _ = end.line_with(&["summary connections=", " failed=0 idle=0 cut=0 "]);
    // The host vanished before the end of the stream could reach it.
    idle.iter().for_each(peer::expect_silence);
    passed(format_args!("{} connections closed at the end of the linger, exit code 0", idle.len()))
}

/// Checks that keepalive finds vanished peers. The server's kernel probes a silent peer after a minute.
/// The number of tries is set to one.
pub(super) fn keepalive(network: &Network) -> Outcome {
    network.server.namespace.set("ipv4/tcp_keepalive_probes", 1).unwrap();
    let server = network.serve(&[]);
    let lives = network.router.within(|| peer::connect(network.addresses(&server)[0]));
    peer::ping(&lives);
    let at_first = descriptors(server.pid()).len();
    let vanished = idle(network, &server);
    wait_until_acknowledged(network, &server, vanished.len() + 1);
    network.lose_packets_for(&network.client);
    // A minute of silence needs several deadlines.
    let is_over = || descriptors(server.pid()).len() == at_first;
    assert!((0..4).any(|_| holds_in_time(is_over)), "the server did not find the vanished peers");
    // The kernel probed this peer too, and it answered.
    peer::ping(&lives);
    finish(&[lives]);
    expect_reset(server, vanished.len())
}

/// Opens connections that exchange one line and are then silent.
fn idle(network: &Network, server: &ServerProcess) -> Vec<TcpStream> {
    let streams = network.connect(server, PER_FAMILY);
    streams.iter().for_each(peer::ping);
    streams
}

/// Opens connections that send until the server takes no more, and that read nothing.
fn unread(network: &Network, server: &ServerProcess) -> Vec<TcpStream> {
    for host in network.hosts() {
        // The minimum, default and maximum size. They are small, because megabytes would only take time.
        host.namespace.set("ipv4/tcp_rmem", "4096 65536 262144").unwrap();
        host.namespace.set("ipv4/tcp_wmem", "4096 65536 262144").unwrap();
    }
    let mut random = Random::new();
    let streams = network.connect(server, PER_FAMILY);
    thread::scope(|scope| {
        for stream in &streams {
            let content = Content::new(&mut random);
            scope.spawn(move || peer::stuff(stream, content, 1 << 24));
        }
    });
    streams
}

/// Opens connections whose echo is never acknowledged, because the router drops all packets for their
/// host.
fn unacknowledged(network: &Network, server: &ServerProcess) -> Vec<TcpStream> {
    let streams = network.connect(server, PER_FAMILY);
    network.lose_packets_for(&network.client);
    streams.iter().for_each(|stream| peer::send(stream, "owed\n"));
    server.stderr().wait_until("record of every line", |lines| {
        let echoed = lines.iter().filter(|line| line.contains(r#"text="owed""#)).count();
        (echoed == streams.len()).then_some(())
    });
    streams
}

/// Checks that the server serves new connections.
fn expect_serves(network: &Network, server: &ServerProcess) {
    let streams = network.connect(server, 1);
    streams.iter().for_each(peer::ping);
    finish(&streams);
}

fn expect_closed(end: &Finished, reason: &str, count: usize) {
    let closed = end.lines_with(&["connection closed", &format!(" reason={reason} ")]);
    assert_eq!(closed.len(), count, "{}", end.stderr);
}

/// Stops the server, and checks that it closed `count` connections as reset.
fn expect_reset(server: ServerProcess, count: usize) -> Outcome {
    let end = server.stop();
    end.expect_code(0);
    expect_closed(&end, "reset", count);
    let _ = end.line_with(&["summary connections=", &format!(" failed={count} idle=0 cut=0 ")]);
    passed(format_args!("{count} connections closed as reset"))
}

/// Stops the server, and checks that the drain timeout cut off `count` connections.
fn expect_cut(server: ServerProcess, count: usize) -> Outcome {
    let end = server.stop();
    end.expect_code(3);
    expect_closed(&end, "cut", count);
    let _ = end.line_with(&["summary connections=", &format!(" failed=0 idle=0 cut={count} ")]);
    passed(format_args!("{count} connections cut off by the drain timeout, exit code 3"))
}
