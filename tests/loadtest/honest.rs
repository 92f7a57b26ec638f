//! Servers that echo everything: under every kind of load all of it comes back, and nothing is wrong.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use echo_loadtest::plan::{Arrival, Messages, Plan, Sizes};
use echo_tests::running::{Running, line};

use crate::load::{count, honest_load, load, millis};
use crate::scripted::{Scripted, hold_until, listen, listen_with_small_buffers};

fn messages(lines: &[&[u8]]) -> Sizes {
    let lines = lines.iter().map(|&line| line.into()).collect();
    Sizes::Messages(Arc::new(Messages { file: "messages.txt".to_owned(), lines }))
}

#[test]
fn a_closed_loop_comes_back() {
    let server = Running::start(line(1));
    let report = honest_load(&Plan { connections: 20, ..millis(server.address, 200) });
    assert_eq!(report.connections.opened, 20);
    assert_eq!(report.throughput.bytes, 20 * report.throughput.messages);
    server.stop_clean();
}

#[test]
fn every_count_is_exact() {
    let server = Running::start(line(1));
    for (asked, connections, threads) in
        [(0, 3, 1), (1, 1, 1), (1, 5, 3), (4, 5, 5), (7, 3, 2), (100, 7, 9), (1_000, 50, 2)]
    {
        for (depth, send_burst) in [(1, 1), (3, 2), (32, 5)] {
            let plan =
                Plan { connections, threads, depth, send_burst, ..count(server.address, asked) };
            let report = if asked > 0 { honest_load(&plan) } else { load(&plan) };
            assert_eq!(
                (report.messages.sent, report.messages.verified),
                (asked, asked),
                "{plan:?}"
            );
        }
    }
    server.stop_clean();
}

#[test]
fn a_count_is_exact_after_a_warm_up() {
    let server = Running::start(line(1));
    for arrival in [Arrival::Closed, Arrival::Constant(2_000.0), Arrival::Poisson(2_000.0)] {
        let plan = Plan {
            arrival,
            depth: 4,
            threads: 2,
            warmup: Duration::from_millis(50),
            ..count(server.address, 101)
        };
        let report = honest_load(&plan);
        assert_eq!(report.messages.verified, 101, "{arrival:?}");
    }
    server.stop_clean();
}

#[test]
fn an_open_loop_sends_what_is_due() {
    let server = Running::start(line(1));
    for (depth, send_burst, due) in [(1, 1, 150), (16, 1, 150), (16, 10, 150)] {
        let arrival = Arrival::Constant(500.0);
        let plan = Plan { arrival, depth, send_burst, ..millis(server.address, 300) };
        assert_eq!(honest_load(&plan).messages.asked, Some(due), "{plan:?}");
    }
    server.stop_clean();
}

#[test]
fn an_open_loop_by_chance_keeps_its_rate() {
    let server = Running::start(line(1));
    let arrival = Arrival::Poisson(2_000.0);
    let report = honest_load(&Plan { arrival, depth: 8, seed: 3, ..millis(server.address, 500) });
    // The count is 1,000, plus or minus five standard deviations. The seed makes it the same each time.
    assert!((840..1_160).contains(&report.messages.sent), "{:?}", report.messages);
    server.stop_clean();
}

#[test]
fn every_length_comes_back() {
    let server = Running::start(line(1));
    for (min, max) in [(1, 1), (1, 2), (1, 300), (8, 10), (4_000, 70_000)] {
        let sizes = Sizes::Range(min, max);
        let report = honest_load(&Plan { sizes, depth: 8, ..count(server.address, 300) });
        let mean = report.throughput.bytes / report.throughput.messages;
        assert!((min as u64..=max as u64).contains(&mean), "{mean} bytes in {min}..={max}");
    }
    server.stop_clean();
}

#[test]
fn lines_of_a_megabyte_come_back() {
    let server = Running::start(line(1));
    let sizes = Sizes::Range(1 << 20, 1 << 20);
    let report = honest_load(&Plan { sizes, depth: 3, ..count(server.address, 30) });
    assert_eq!(report.throughput.bytes, 30 << 20);
    server.stop_clean();
}

#[test]
fn messages_of_a_file_come_back_whatever_they_are() {
    let server = Running::start(line(1));
    let all: &[&[u8]] =
        &[b"\n", b"text\r\n", b"\r\n", b"nul \0 nul\n", b"\xff\xfe\xc3\x28\n", b"\x1b[2J\n"];
    for lines in [all, &all[..1]] {
        let report =
            honest_load(&Plan { sizes: messages(lines), depth: 5, ..count(server.address, 500) });
        assert_eq!(report.load.size.file.as_deref(), Some("messages.txt"));
        assert_eq!(report.load.size.min, 1);
    }
    server.stop_clean();
}

#[test]
fn connections_are_replaced_after_their_messages() {
    let server = Running::start(line(1));
    for (each, depth, send_burst) in [(1, 1, 1), (1, 4, 1), (3, 2, 2), (7, 4, 1)] {
        let messages_per_connection = Some(each);
        let plan =
            Plan { messages_per_connection, depth, send_burst, ..count(server.address, 210) };
        let report = honest_load(&plan);
        assert_eq!(report.messages.verified, 210);
        // Each of the three may end with a connection that has messages left.
        let opened = report.connections.opened;
        assert!((210_u64.div_ceil(each)..=210 / each + 4).contains(&opened), "{opened} {plan:?}");
    }
    server.stop_clean();
}

#[test]
fn churn_in_an_open_loop_sends_what_is_due() {
    let server = Running::start(line(1));
    let (arrival, messages_per_connection) = (Arrival::Constant(300.0), Some(1));
    let plan = Plan { arrival, messages_per_connection, ..millis(server.address, 300) };
    let report = honest_load(&plan);
    assert_eq!(report.messages.asked, Some(90));
    assert!(report.connect_time.count > 0 && report.connect_time.count <= 93);
    server.stop_clean();
}

#[test]
fn bursts_that_do_not_fill_a_connection_are_sent_whole() {
    let server = Running::start(line(1));
    let plan = Plan {
        arrival: Arrival::Constant(400.0),
        depth: 4,
        send_burst: 2,
        messages_per_connection: Some(3),
        ..millis(server.address, 300)
    };
    assert_eq!(honest_load(&plan).messages.asked, Some(120));
    server.stop_clean();
}

#[test]
fn threads_share_the_connections() {
    let server = Running::start(line(2));
    for threads in [2, 3, 8] {
        let report = honest_load(&Plan { connections: 5, threads, ..millis(server.address, 100) });
        assert_eq!(report.generator.threads.len(), threads.min(5) as usize);
    }
    server.stop_clean();
}

#[test]
fn an_open_loop_with_a_count_keeps_its_rate_though_threads_have_unequal_parts() {
    let server = Running::start(line(1));
    let arrival = Arrival::Constant(300.0);
    let plan = Plan { arrival, connections: 3, threads: 2, depth: 64, ..count(server.address, 90) };
    let report = honest_load(&plan);
    // The last message is due after 297 ms. With two equal parts it would be due after 445 ms.
    assert_eq!(report.messages.verified, 90);
    let service_s = report.service_time.max_ns as f64 / 1e9;
    let late_s = report.generator.lateness.unwrap().max_ns as f64 / 1e9;
    assert!(report.throughput.duration_s < 0.4 + service_s + late_s, "{:?}", report.throughput);
    server.stop_clean();
}

#[test]
fn connections_are_made_at_their_rate() {
    let server = Running::start(line(1));
    let connect_rate = Some(50.0);
    let plan = Plan { connections: 10, threads: 2, connect_rate, ..count(server.address, 30) };
    let began = Instant::now();
    honest_load(&plan);
    // Each of two threads opens one connection at once, and four more at 25 a second.
    assert!(began.elapsed() >= Duration::from_millis(160), "{:?}", began.elapsed());
    server.stop_clean();
}

#[cfg(target_os = "linux")]
#[test]
fn local_addresses_are_used_in_turn() {
    use std::net::IpAddr;
    use std::sync::{Mutex, PoisonError};

    let seen = Arc::new(Mutex::new(vec![]));
    let seen_there = Arc::clone(&seen);
    let server = Scripted::start(move |peer| {
        seen_there.lock().unwrap_or_else(PoisonError::into_inner).push((peer.number, peer.from));
        peer.echo_all();
    });
    let source_ips: Vec<IpAddr> = (2..5).map(|last| [127, 0, 0, last].into()).collect();
    let plan = Plan { connections: 7, source_ips: source_ips.clone(), ..count(server.address, 70) };
    let report = honest_load(&plan);
    assert_eq!(report.load.source_ips, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    let expected: Vec<_> = (0..7).map(|number| (number, source_ips[number % 3])).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_server_is_reached_by_ipv6() {
    let server =
        Running::start(echo_server::Config { address: (Ipv6Addr::LOCALHOST, 0).into(), ..line(1) });
    let report = honest_load(&count(server.address, 100));
    assert!(report.target.starts_with("[::1]:"), "{}", report.target);
    server.stop_clean();
}

#[test]
fn spinning_threads_verify_as_well() {
    let server = Running::start(line(1));
    for arrival in [Arrival::Closed, Arrival::Constant(500.0)] {
        honest_load(&Plan { busy_poll: true, arrival, depth: 2, ..millis(server.address, 100) });
    }
    server.stop_clean();
}

#[test]
#[cfg(target_os = "linux")]
fn what_the_system_stamps_is_verified_as_well() {
    let server = Running::start(line(1));
    for (arrival, depth) in [(Arrival::Closed, 1), (Arrival::Constant(500.0), 4)] {
        let plan = Plan { kernel_timestamps: true, arrival, depth, ..millis(server.address, 100) };
        let report = honest_load(&plan);
        assert!(report.load.kernel_timestamps);
        assert!(report.latency().p50_ns > 0, "{:?}", report.latency());
    }
    server.stop_clean();
}

#[test]
fn an_echo_byte_by_byte_is_right() {
    let server = Scripted::start(|peer| {
        while let Some(line) = peer.line() {
            line.chunks(1).for_each(|byte| peer.send(byte));
        }
    });
    for sizes in [Sizes::Range(1, 12), messages(&[b"\n", b"a\n", b"\r\n"])] {
        honest_load(&Plan { sizes, depth: 3, ..count(server.address, 150) });
    }
}

#[test]
fn small_socket_buffers_are_no_fault() {
    let listener = listen_with_small_buffers();
    let server = Scripted::listen_with(listener, |peer| peer.echo_all());
    let sizes = Sizes::Range(1, 40_000);
    honest_load(&Plan { sizes, depth: 8, send_burst: 4, ..count(server.address, 100) });
}

#[test]
fn a_server_that_reads_late_is_right() {
    let listener = listen_with_small_buffers();
    let server = Scripted::listen_with(listener, |peer| {
        // Until then the load tester can hand over only a part of what is due.
        hold_until(Instant::now() + Duration::from_millis(100));
        peer.echo_all();
    });
    let sizes = Sizes::Range(100_000, 100_000);
    let report = honest_load(&Plan { sizes, depth: 32, ..count(server.address, 96) });
    assert!(report.service_time.min_ns > 0);
}

#[test]
fn connections_that_wait_in_the_systems_queue_are_served_in_the_end() {
    let server = Scripted::listen_with(listen(1024), |peer| peer.echo_all());
    let report = honest_load(&Plan { connections: 200, ..count(server.address, 400) });
    assert_eq!((report.connections.established, server.accepted()), (200, 200));
}
