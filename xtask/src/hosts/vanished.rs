//! A client host that vanishes with its connections open: the server never hears of it again.

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
use crate::check::{Outcome, kept};

const PER_FAMILY: usize = 5;

/// Silent connections, others in the middle of a line, and such that are owed bytes.
pub(super) fn idle_timeout(network: &Network) -> Outcome {
    let server = network.serve(&["--idle-timeout", "3s"]);
    let at_first = descriptors(server.pid()).len();
    let unread = unread(network, &server);
    let silent = idle(network, &server);
    let in_line = idle(network, &server);
    in_line.iter().for_each(|stream| peer::send(stream, "half a line"));
    let owed = unacknowledged(network, &server);
    network.lose_packets_for(&network.server);
    wait_until("all descriptors", || descriptors(server.pid()).len() == at_first);
    network.restore();
    serves(network, &server);
    let end = server.stop();
    end.expect_code(0);
    let count = silent.len() + in_line.len() + unread.len() + owed.len();
    expect_closed(&end, "idle", count);
    let _ = end.line_with(&["summary connections=", &format!(" failed=0 idle={count} cut=0 ")]);
    kept(format_args!("{count} connections closed as idle, their descriptors free"))
}

/// Nothing is heard of the host.
pub(super) fn without_a_word(network: &Network) -> Outcome {
    is_given_up(network, || network.lose_packets_for(&network.server))
}

/// The router says, of each packet, that there is no such host.
pub(super) fn unreachable(network: &Network) -> Outcome {
    for limit in ["ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"] {
        network.router.set(limit, 0).unwrap();
    }
    is_given_up(network, || {
        network.client.namespace.run("ip link delete eth0").unwrap();
        network.pass_packets_for(&network.client);
    })
}

/// What is not acknowledged is sent again a number of times, here two.
fn is_given_up(network: &Network, vanish: impl Fn()) -> Outcome {
    network.server.namespace.set("ipv4/tcp_retries2", 2).unwrap();
    let server = network.serve(&[]);
    let at_first = descriptors(server.pid()).len();
    let owed = unacknowledged(network, &server);
    vanish();
    wait_until("all descriptors", || descriptors(server.pid()).len() == at_first);
    expect_reset(server, owed.len())
}

/// The host is back and knows nothing of connections: it resets them when it hears of them.
pub(super) fn restart(network: &Network) -> Outcome {
    let server = network.serve(&[]);
    let at_first = descriptors(server.pid()).len();
    let owed = unacknowledged(network, &server);
    network.lose_packets_for(&network.server);
    let count = owed.len();
    owed.into_iter().for_each(peer::reset);
    network.restore();
    wait_until("all descriptors", || descriptors(server.pid()).len() == at_first);
    serves(network, &server);
    expect_reset(server, count)
}

/// The drain timeout cuts off what the peer's system has not acknowledged, though all was sent.
pub(super) fn stop_unacknowledged(network: &Network) -> Outcome {
    let server = network.serve(&["--drain-timeout", "2s"]);
    let owed = unacknowledged(network, &server);
    let outcome = expect_cut(server, owed.len());
    owed.iter().for_each(peer::expect_silence);
    outcome
}

/// The drain timeout cuts off what there was no room for.
pub(super) fn stop_unread(network: &Network) -> Outcome {
    let server = network.serve(&["--drain-timeout", "2s"]);
    let unread = unread(network, &server);
    network.cut();
    expect_cut(server, unread.len())
}

/// Every byte was acknowledged, so nothing is owed, though the end of the stream never arrives. With
/// a drain timeout that lasts longer than any check waits.
pub(super) fn stop_idle(network: &Network) -> Outcome {
    let server = network.serve(&["--drain-timeout", "1h"]);
    let idle = idle(network, &server);
    wait_until_acknowledged(network, &server, idle.len());
    network.cut();
    let end = server.stop();
    end.expect_code(0);
    expect_closed(&end, "shutdown", idle.len());
    let _ = end.line_with(&["summary connections=", " failed=0 idle=0 cut=0 "]);
    // The host was gone before the end.
    idle.iter().for_each(peer::expect_silence);
    kept(format_args!("{} connections closed at the end of the linger, exit code 0", idle.len()))
}

/// The server asks a silent peer after a minute; the system's number of tries is one here.
pub(super) fn keepalive(network: &Network) -> Outcome {
    network.server.namespace.set("ipv4/tcp_keepalive_probes", 1).unwrap();
    let server = network.serve(&[]);
    let lives = network.router.within(|| peer::connect(network.addresses(&server)[0]));
    peer::ping(&lives);
    let at_first = descriptors(server.pid()).len();
    let vanished = idle(network, &server);
    wait_until_acknowledged(network, &server, vanished.len() + 1);
    network.lose_packets_for(&network.client);
    // One deadline is too short for a minute of silence.
    let is_over = || descriptors(server.pid()).len() == at_first;
    assert!((0..4).any(|_| holds_in_time(is_over)), "vanished peers are not found");
    // This one was asked too.
    peer::ping(&lives);
    finish(&[lives]);
    expect_reset(server, vanished.len())
}

/// Connections that have had their echo, and acknowledged it.
fn idle(network: &Network, server: &ServerProcess) -> Vec<TcpStream> {
    let streams = network.connect(server, PER_FAMILY);
    streams.iter().for_each(peer::ping);
    streams
}

/// Connections that send until nobody takes more, and read nothing.
fn unread(network: &Network, server: &ServerProcess) -> Vec<TcpStream> {
    for host in network.hosts() {
        // The least, at first, and the most: megabytes would only take time.
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

/// Connections whose echo is on its way for ever: the router loses all that is for their host.
fn unacknowledged(network: &Network, server: &ServerProcess) -> Vec<TcpStream> {
    let streams = network.connect(server, PER_FAMILY);
    network.lose_packets_for(&network.client);
    streams.iter().for_each(|stream| peer::send(stream, "owed\n"));
    server.stderr().wait_until("echo of every line", |lines| {
        let echoed = lines.iter().filter(|line| line.contains(r#"text="owed""#)).count();
        (echoed == streams.len()).then_some(())
    });
    streams
}

/// The server serves new connections.
fn serves(network: &Network, server: &ServerProcess) {
    let streams = network.connect(server, 1);
    streams.iter().for_each(peer::ping);
    finish(&streams);
}

fn expect_closed(end: &Finished, reason: &str, count: usize) {
    let closed = end.lines_with(&["connection closed", &format!(" reason={reason} ")]);
    assert_eq!(closed.len(), count, "{}", end.stderr);
}

/// Stops the server, which ended `count` connections because their peer was gone.
fn expect_reset(server: ServerProcess, count: usize) -> Outcome {
    let end = server.stop();
    end.expect_code(0);
    expect_closed(&end, "reset", count);
    let _ = end.line_with(&["summary connections=", &format!(" failed={count} idle=0 cut=0 ")]);
    kept(format_args!("{count} connections closed as reset"))
}

/// Stops the server, which cannot get rid of what it owes.
fn expect_cut(server: ServerProcess, count: usize) -> Outcome {
    let end = server.stop();
    end.expect_code(3);
    expect_closed(&end, "cut", count);
    let _ = end.line_with(&["summary connections=", &format!(" failed=0 idle=0 cut={count} ")]);
    kept(format_args!("{count} connections cut off by the drain timeout, exit code 3"))
}
