//! Fewer connections than were asked for.

use std::sync::Arc;

use echo_loadtest::plan::{Arrival, Flood, Messages, Plan, Share, Sizes};
use echo_tests::wait::wait_until;

use crate::load::{expect_missing, load, millis, try_load};
use crate::scripted::Scripted;

#[test]
fn a_server_that_stops_listening_leaves_the_run_incomplete() {
    let server = Scripted::start_for(2, |peer| peer.echo_all());
    // Half a second passes between the first connection and the last. The server has stopped by then.
    let plan = Plan { connections: 11, connect_rate: Some(20.0), ..millis(server.address, 100) };
    let report = load(&plan);
    let connections = report.connections;
    assert!((2..11).contains(&connections.established), "{connections:?}");
    assert!(report.errors.refused > 0, "{:?}", report.errors);
    assert!(report.messages.verified > 0);
    expect_missing(&report, &format!("{} of 11 connections were made", connections.established));
    wait_until("the server's end", || server.accepted() == 2);
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    let server = Scripted::start(|peer| peer.echo_all());
    let messages = |lines: Vec<Box<[u8]>>| {
        Sizes::Messages(Arc::new(Messages { file: "wrong".to_owned(), lines }))
    };
    let plan = || millis(server.address, 3_600_000);
    for plan in [
        Plan { sizes: messages(vec![]), ..plan() },
        Plan { sizes: messages(vec![b"no newline"[..].into()]), ..plan() },
        Plan { sizes: Sizes::Range(0, 1), ..plan() },
        Plan { sizes: Sizes::Range(2, 1), ..plan() },
        Plan { connections: 0, ..plan() },
        Plan { threads: 0, ..plan() },
        Plan { depth: 2, send_burst: 3, ..plan() },
        Plan { send_burst: 0, ..plan() },
        Plan { messages_per_connection: Some(0), ..plan() },
        Plan { arrival: Arrival::Constant(f64::NAN), ..plan() },
        Plan { connect_rate: Some(0.0), ..plan() },
        Plan { share: Share { index: 1, count: 1 }, ..plan() },
        Plan { flood: Some(Flood { connections: 0, size: 9, depth: 1 }), ..plan() },
        Plan { flood: Some(Flood { connections: 1, size: 0, depth: 1 }), ..plan() },
        Plan { flood: Some(Flood { connections: 1, size: 9, depth: 0 }), ..plan() },
    ] {
        assert_eq!(try_load(&plan).unwrap_err(), plan.check().unwrap_err());
    }
    assert_eq!(server.accepted(), 0);
}

#[test]
fn connections_that_are_lost_and_not_replaced_leave_the_run_incomplete() {
    // All connections were there once, and one of them sends all messages. Nothing else would show it.
    let server = Scripted::start(|peer| match peer.number {
        0 => peer.echo_all(),
        _ => peer.reset(),
    });
    let report = load(&Plan { connections: 10, ..millis(server.address, 500) });
    assert_eq!((report.connections.established, report.errors.refused), (10, 0));
    let (reasons, start) = (&report.verdict.reasons, "connections that failed were not replaced");
    assert!(reasons.iter().any(|reason| reason.starts_with(start)), "{reasons:?}");
}

#[cfg(unix)]
#[test]
fn more_connections_than_anybody_has_descriptors_for_are_refused_at_once() {
    let server = Scripted::start(|peer| peer.echo_all());
    // Their numbers alone would take 32 GiB.
    let error =
        try_load(&Plan { connections: u32::MAX, ..millis(server.address, 10) }).unwrap_err();
    assert!(error.starts_with("4294967295 connections need 4294967331 descriptors"), "{error}");
}

#[test]
fn a_rate_of_next_to_nothing_sends_nothing() {
    let server = Scripted::start(|peer| peer.echo_all());
    for rate in [1e-15, 1e-300] {
        let plan = Plan { arrival: Arrival::Poisson(rate), ..millis(server.address, 50) };
        let report = load(&plan);
        assert_eq!((report.messages.asked, report.errors.total()), (Some(0), 0));
    }
}

#[cfg(target_os = "linux")]
mod descriptors {
    use std::fs::File;
    use std::time::Duration;

    use echo_tests::alone::alone;
    use nix::sys::resource::{Resource, setrlimit};

    use super::*;
    use crate::scripted::listen;

    fn allow(descriptors: u64) {
        setrlimit(Resource::RLIMIT_NOFILE, descriptors, descriptors).unwrap();
    }

    #[test]
    fn more_connections_than_descriptors_are_not_even_tried() {
        alone("limits::descriptors::more_connections_than_descriptors_are_not_even_tried", || {
            allow(100);
            let server = Scripted::start(|peer| peer.echo_all());
            let plan = Plan { connections: 100, threads: 2, ..millis(server.address, 100) };
            let error = try_load(&plan).unwrap_err();
            assert!(error.contains("100 connections need"), "{error}");
            assert!(error.contains("this process may have 100 (ulimit -n)"), "{error}");
            assert_eq!(server.accepted(), 0);
        });
    }

    #[test]
    fn a_lack_of_descriptors_is_the_load_testers_own_fault() {
        alone("limits::descriptors::a_lack_of_descriptors_is_the_load_testers_own_fault", || {
            allow(120);
            // The server never accepts, so the connections cost descriptors only on one side.
            let listener = listen(100);
            let address = listener.local_addr().unwrap();
            let _others: Vec<File> = (0..70).map(|_| File::open("/dev/null").unwrap()).collect();
            let timeout = Duration::from_millis(300);
            let plan = Plan { connections: 60, timeout, ..millis(address, 100) };
            let report = load(&plan);
            let connections = report.connections;
            assert!((10..60).contains(&connections.established), "{connections:?}");
            assert!(report.errors.local >= 60 - connections.established, "{:?}", report.errors);
            let found = report.findings.iter().find(|finding| finding.kind == "local").unwrap();
            let text = format!("connect to {address}: Too many open files");
            assert!(found.text.starts_with(&text), "{found:?}");
            let made = format!("{} of 60 connections were made", connections.established);
            expect_missing(&report, &made);
        });
    }
}
