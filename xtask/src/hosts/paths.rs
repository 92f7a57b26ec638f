//! Paths that are narrow, lossy or slow.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use echo_tests::content::Content;
use echo_tests::peer;
use echo_tests::random::Random;
use echo_tests::wait::{Over, wait_until};
use nix::sys::signal::Signal;

use super::network::{Host, Network};
use super::traffic::{exchange, expect_clean, finish, stop_clean};
use crate::check::{Outcome, passed, skipped};
use crate::packages;

/// The smallest MTU that IPv6 allows.
const MTU: usize = 1280;

/// Maximum payload of a TCP segment: the MTU minus 20 bytes for IPv4 and 20 bytes for TCP.
const MAX_PAYLOAD: usize = MTU - 40;

const BULK_LEN: usize = 8_000_000;

/// Checks a small MTU on both hosts. Each host limits the packets that it sends and asks for.
pub(super) fn narrow_hosts(network: &Network) -> Outcome {
    network.hosts().into_iter().for_each(narrow);
    exchange_in_small_segments(network)
}

/// Checks a small MTU on the client. It limits its own packets and, by its maximum segment size, those
/// of the server.
pub(super) fn narrow_client(network: &Network) -> Outcome {
    narrow(&network.client);
    exchange_in_small_segments(network)
}

/// Checks a small MTU within the path. The hosts learn of it when the router reports that a packet was
/// too big.
pub(super) fn narrow_path(network: &Network) -> Outcome {
    narrow_router(network);
    let outcome = exchange_in_small_segments(network);
    let reports = network.router.counter("Icmp:", "OutDestUnreachs");
    assert!(reports > 0, "the router reported no packet as too big");
    outcome
}

/// Checks fragmented packets. Without path MTU discovery, the router fragments IPv4 packets. It never
/// fragments IPv6 packets.
pub(super) fn fragments(network: &Network) -> Outcome {
    narrow_router(network);
    for host in network.hosts() {
        host.namespace.set("ipv4/ip_no_pmtu_disc", 1).unwrap();
    }
    let server = network.serve(&[]);
    let streams = network.connect(&server, 2);
    let bytes = exchange(&streams, BULK_LEN);
    finish(&streams);
    stop_clean(server);
    let reassembled = network.server.namespace.counter("Ip:", "ReasmOKs");
    assert!(reassembled > 0, "nothing was fragmented");
    passed(format_args!("{bytes} bytes, {reassembled} packets reassembled on the server's host"))
}

fn narrow(host: &Host) {
    host.namespace.run(&format!("ip link set eth0 mtu {MTU}")).unwrap();
}

/// Makes the router refuse packets above the MTU, although its links could carry them.
fn narrow_router(network: &Network) {
    for host in network.hosts() {
        for ip in host.ips() {
            network
                .router
                .run(&format!("ip route add {ip} dev {} mtu lock {MTU}", host.name))
                .unwrap();
        }
    }
}

/// Exchanges megabytes in both directions at once, and checks that the segments fit into the MTU.
fn exchange_in_small_segments(network: &Network) -> Outcome {
    let server = network.serve(&[]);
    let streams = network.connect(&server, 2);
    let bytes = exchange(&streams, BULK_LEN);
    for host in network.hosts() {
        expect_segments_that_fit(host, streams.len());
    }
    finish(&streams);
    stop_clean(server);
    passed(format_args!("{bytes} bytes on {} connections in both directions", streams.len()))
}

fn expect_segments_that_fit(host: &Host, count: usize) {
    let connections = host.connections("");
    let mss = |line: &String| {
        let (_, value) = line.split_once(" mss:")?;
        value.split(' ').next()?.parse().ok()
    };
    let sizes: Vec<usize> = connections.iter().filter_map(mss).collect();
    assert!(
        sizes.len() == count && sizes.iter().all(|size| *size <= MAX_PAYLOAD),
        "{connections:#?}"
    );
}

/// Checks a path that loses packets and reorders them, in both directions.
pub(super) fn lossy(network: &Network) -> Outcome {
    if let Err(missing) = packages::install(&["nftables"]).and_then(|()| make_lossy(network)) {
        return skipped(missing);
    }
    let server = network.serve(&[]);
    let streams = network.connect(&server, 4);
    let bytes = exchange(&streams, 1_000_000);
    finish(&streams);
    stop_clean(server);
    let [lost, late] = packets(network);
    assert!(lost > 0 && late > 0, "{lost} packets lost, {late} delayed");
    passed(format_args!("{bytes} bytes, {lost} packets lost and {late} delayed"))
}

/// Returns the numbers of packets that the router dropped and delayed.
fn packets(network: &Network) -> [usize; 2] {
    let rules = network.router.run("nft list chain inet path through").unwrap();
    let mut counts = rules.split("counter packets ").skip(1).map(|rest| {
        let count = rest.split(' ').next().and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("no counter in {rules}"))
    });
    [counts.next().unwrap(), counts.next().unwrap()]
}

/// Makes the router drop 2 % of the packets. It puts 10 % of the others into a slower class, where later
/// packets overtake them.
fn make_lossy(network: &Network) -> Result<(), String> {
    let rule = "nft add rule inet path through numgen random mod 100";
    let run = |command: &str| network.router.run(command).map(drop);
    run("nft add table inet path")?;
    run("nft add chain inet path through { type filter hook forward priority 0 ; }")?;
    run(&format!("{rule} < 2 counter drop"))?;
    run(&format!("{rule} < 10 counter meta priority set 1:2"))?;
    for host in ["server", "client"] {
        run(&format!("tc qdisc add dev {host} root handle 1: htb default 1"))?;
        run(&format!("tc class add dev {host} parent 1: classid 1:1 htb rate 1gbit"))?;
        run(&format!("tc class add dev {host} parent 1: classid 1:2 htb rate 20mbit"))?;
    }
    // One segment per packet, as on a real link.
    for host in network.hosts() {
        host.namespace.run("ip link set eth0 gso_max_segs 1")?;
    }
    Ok(())
}

/// Checks a stop over a slow link. The server must echo everything that had arrived, and later data must
/// not disturb that.
pub(super) fn slow_stop(network: &Network) -> Outcome {
    const LEN: usize = 500_000;
    network.limit_rate(&network.client, "4mbit");
    // With these sizes, most of the data waits unread and not in the send buffer.
    let server_host = &network.server.namespace;
    server_host.set("ipv4/tcp_wmem", "4096 65536 65536").unwrap();
    server_host.set("ipv4/tcp_rmem", "4096 4194304 4194304").unwrap();
    let server = network.serve(&["--drain-timeout", "30s"]);
    let mut random = Random::new();
    let streams = network.connect(&server, 2);
    let contents: Vec<Vec<u8>> =
        streams.iter().map(|_| Content::new(&mut random).bytes(LEN)).collect();
    streams.iter().zip(&contents).for_each(|(stream, bytes)| peer::send(stream, bytes));
    wait_until("the arrival of everything", || {
        queued(&network.client).iter().all(|[_, unacknowledged]| *unacknowledged == 0)
    });
    server.signal(Signal::SIGTERM);
    server.wait_for_line("stopping");
    let early: usize = queued(&network.client).iter().map(|[unread, _]| unread).sum();
    assert!(early < LEN * streams.len(), "the whole echo ({early} bytes) was back before the stop");
    thread::scope(|scope| {
        for (stream, bytes) in streams.iter().zip(&contents) {
            scope.spawn(|| expect_while_sending(stream, bytes));
        }
    });
    drop(streams);
    expect_clean(server.wait());
    let bytes = LEN * contents.len();
    passed(format_args!("{bytes} bytes, {early} of them were back before the stop"))
}

/// Receives `bytes` and the end of the stream, while it sends more lines. The echo of some of these
/// lines may come before the end.
fn expect_while_sending(stream: &TcpStream, bytes: &[u8]) {
    const LATE: &str = "late\n";
    let over = Over::default();
    thread::scope(|scope| {
        let _stop = over.guard();
        scope.spawn(|| {
            // The server may be gone already.
            while !over.is_over() && { stream }.write_all(LATE.as_bytes()).is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
        });
        peer::expect(stream, bytes);
        let rest = peer::rest(stream);
        assert!(rest.chunks(LATE.len()).all(|line| LATE.as_bytes().starts_with(line)), "{rest:?}");
    });
}

/// Returns, for each connection of `host`, the number of bytes that the host has not read and the number
/// of bytes sent by the host that the other end has not acknowledged.
fn queued(host: &Host) -> Vec<[usize; 2]> {
    let queued = |line: String| {
        let mut columns = line.split_whitespace().skip(1).map(|number| number.parse().unwrap());
        [columns.next().unwrap(), columns.next().unwrap()]
    };
    host.connections("").into_iter().map(queued).collect()
}
