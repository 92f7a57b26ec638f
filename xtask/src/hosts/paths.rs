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
use crate::check::{Outcome, kept, skipped};
use crate::packages;

/// The least that IPv6 demands.
const MTU: usize = 1280;

/// What is left of the MTU for TCP's payload: less 20 bytes each for IPv4 and TCP.
const MAX_PAYLOAD: usize = MTU - 40;

const BULK_LEN: usize = 8_000_000;

/// Each host limits what it sends and asks for.
pub(super) fn narrow_hosts(network: &Network) -> Outcome {
    network.hosts().into_iter().for_each(narrow);
    is_crossed(network)
}

/// The client limits itself and, by its maximum segment size, the server.
pub(super) fn narrow_client(network: &Network) -> Outcome {
    narrow(&network.client);
    is_crossed(network)
}

/// Nobody knows until the router says that a packet was too big.
pub(super) fn narrow_path(network: &Network) -> Outcome {
    narrow_router(network);
    let outcome = is_crossed(network);
    let told = network.router.counter("Icmp:", "OutDestUnreachs");
    assert!(told > 0, "the router had nothing to say");
    outcome
}

/// Without path MTU discovery the router cuts up IPv4 packets. (Nobody does that for IPv6.)
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
    kept(format_args!("{bytes} bytes, {reassembled} packets put together for the server"))
}

fn narrow(host: &Host) {
    host.namespace.run(&format!("ip link set eth0 mtu {MTU}")).unwrap();
}

/// The router forwards no bigger packets, whatever its links could carry.
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

/// Megabytes in both directions at once, in segments that fit.
fn is_crossed(network: &Network) -> Outcome {
    let server = network.serve(&[]);
    let streams = network.connect(&server, 2);
    let bytes = exchange(&streams, BULK_LEN);
    for host in network.hosts() {
        expect_segments_that_fit(host, streams.len());
    }
    finish(&streams);
    stop_clean(server);
    kept(format_args!("{bytes} bytes on {} connections in both directions", streams.len()))
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

/// Every fiftieth packet is lost and every tenth overtaken by others, in both directions.
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
    assert!(lost > 0 && late > 0, "{lost} packets lost, {late} late");
    kept(format_args!("{bytes} bytes, {lost} packets lost and {late} late"))
}

/// How many packets each rule of the router was applied to.
fn packets(network: &Network) -> [usize; 2] {
    let rules = network.router.run("nft list chain inet path through").unwrap();
    let mut counts = rules.split("counter packets ").skip(1).map(|rest| {
        let count = rest.split(' ').next().and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("no counter in {rules}"))
    });
    [counts.next().unwrap(), counts.next().unwrap()]
}

/// Has the router lose packets and put others into a class that waits while the rest passes.
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
    // One segment a packet, as on a wire.
    for host in network.hosts() {
        host.namespace.run("ip link set eth0 gso_max_segs 1")?;
    }
    Ok(())
}

/// All that has arrived goes back, however slowly; what comes later does not disturb that.
pub(super) fn slow_stop(network: &Network) -> Outcome {
    const LEN: usize = 500_000;
    network.limit_rate(&network.client, "4mbit");
    // Most of it then waits unread, not in the send buffer.
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
    assert!(early < LEN * streams.len(), "{early} bytes were back already");
    thread::scope(|scope| {
        for (stream, bytes) in streams.iter().zip(&contents) {
            scope.spawn(|| expect_while_sending(stream, bytes));
        }
    });
    drop(streams);
    expect_clean(server.wait());
    let bytes = LEN * contents.len();
    kept(format_args!("{bytes} bytes, {early} of them back at the time of the signal"))
}

/// Receives `bytes` and the end of the stream, between the two maybe lines that it sends meanwhile.
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

/// How many bytes of each connection nobody has read there, and how many sent from there the other
/// end has not acknowledged.
fn queued(host: &Host) -> Vec<[usize; 2]> {
    let queued = |line: String| {
        let mut columns = line.split_whitespace().skip(1).map(|number| number.parse().unwrap());
        [columns.next().unwrap(), columns.next().unwrap()]
    };
    host.connections("").into_iter().map(queued).collect()
}
