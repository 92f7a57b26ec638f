//! Servers that do not answer, are not there, or go away. The load tester reports the kind of fault,
//! and never waits longer than its timeout.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use echo_loadtest::engine::{Observer, Progress, Stop};
use echo_loadtest::plan::Plan;
use echo_tests::wait::wait_until;
use socket2::{Domain, Socket, Type};

use crate::load::{count, expect_missing, load, millis, observed_load, try_load};
use crate::scripted::{Peer, Scripted, hold_until, listen};

/// A short timeout, used only for servers that never answer.
const IMPATIENCE: Duration = Duration::from_millis(400);

#[test]
fn lines_that_never_come_back_are_given_up() {
    let server = Scripted::start(|peer| {
        peer.echo(if peer.number < 5 { 2 } else { 0 });
        peer.swallow();
    });
    let plan = Plan { connections: 5, depth: 3, timeout: IMPATIENCE, ..count(server.address, 25) };
    let report = load(&plan);
    assert_eq!((report.errors.timeout, report.errors.total()), (5, 5), "{:?}", report.findings);
    assert_eq!((report.messages.sent, report.messages.verified), (25, 10));
    for finding in &report.findings {
        assert_eq!(finding.text, "no reply within 400ms, waiting for line 2 and 2 more");
    }
    expect_missing(&report, "10 of 25 messages came back");
}

#[test]
fn one_silent_connection_does_not_hold_the_others() {
    let server =
        Scripted::start(|peer| if peer.number == 0 { peer.swallow() } else { peer.echo_all() });
    let plan = Plan { timeout: Duration::from_secs(4), ..count(server.address, 200) };
    let report = load(&plan);
    assert_eq!((report.errors.timeout, report.errors.total()), (1, 1));
    assert_eq!((report.messages.sent, report.messages.verified), (200, 199));
    assert_eq!(report.findings[0].connection, 0);
    assert_eq!(report.findings[0].text, "no reply within 4s, waiting for line 0");
    assert!(report.service_time.max_ns < 4_000_000_000);
}

#[test]
fn a_server_that_does_not_close_is_given_up() {
    let held = Arc::new(Mutex::new(vec![]));
    let holding = Arc::clone(&held);
    let server = Scripted::start(move |peer| {
        holding.lock().unwrap().push(peer.stream().try_clone());
        peer.echo_all();
    });
    let report = load(&Plan { timeout: IMPATIENCE, ..count(server.address, 30) });
    assert_eq!((report.errors.timeout, report.errors.total()), (3, 3), "{:?}", report.findings);
    assert_eq!(report.messages.verified, 30);
    assert_eq!(report.findings[0].text, "the end of the stream did not come within 400ms");
    drop(held);
}

#[test]
fn connections_that_are_never_accepted_time_out() {
    // One connection waits to be accepted and gets no reply. The system does not answer the others.
    let listener = listen(0);
    let address = listener.local_addr().unwrap();
    let report = load(&Plan { connections: 6, timeout: IMPATIENCE, ..millis(address, 100) });
    let (errors, connections) = (report.errors, report.connections);
    assert_eq!(errors.timeout, errors.total(), "{:?}", report.findings);
    assert!((1..6).contains(&connections.established), "{connections:?}");
    let text = format!("connect to {address}: no answer within 400ms");
    assert!(report.findings.iter().any(|finding| finding.text == text), "{:?}", report.findings);
    expect_missing(&report, &format!("{} of 6 connections were made", connections.established));
    expect_missing(&report, "no message came back");
}

#[test]
fn a_run_without_any_connection_does_not_start() {
    let (_reserved, address) = nobody();
    for threads in [1, 3] {
        let error = try_load(&Plan { threads, ..millis(address, 100) }).unwrap_err();
        let text = format!("connect to {address}: Connection refused");
        assert!(error.starts_with(&text), "{error}");
    }
    let listener = listen(0);
    let address = listener.local_addr().unwrap();
    let _waiting: Vec<TcpStream> = fill(&listener);
    let plan = Plan { timeout: IMPATIENCE, ..millis(address, 100) };
    let error = try_load(&plan).unwrap_err();
    assert_eq!(error, format!("connect to {address}: no answer within 400ms"));
}

/// Returns an address on which nobody listens. The socket is bound, so that nobody else gets the port.
fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// Fills the backlog of a listener that never accepts.
pub(crate) fn fill(listener: &TcpListener) -> Vec<TcpStream> {
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    std::iter::from_fn(connect).take(10).collect()
}

#[test]
fn a_server_that_goes_away_ends_a_run_of_a_given_length() {
    let server = Scripted::start_for(3, |peer| peer.echo(20));
    let report = load(&millis(server.address, 400));
    assert!(report.errors.refused > 0, "{:?}", report.errors);
    assert_eq!(report.connections.established, 3);
    let refused = report.findings.iter().find(|finding| finding.kind == "refused").unwrap();
    assert!(refused.text.contains("connect to 127.0.0.1:"), "{refused:?}");
}

#[test]
fn a_server_that_goes_away_ends_a_run_of_a_given_count() {
    let server = Scripted::start_for(3, |peer| peer.echo(20));
    let report = load(&Plan { timeout: IMPATIENCE, ..count(server.address, 1_000) });
    assert!(report.errors.refused > 0, "{:?}", report.errors);
    let messages = report.messages;
    assert!((1..=60).contains(&messages.verified), "{messages:?}");
    expect_missing(&report, &format!("{} of 1000 messages came back", messages.verified));
}

#[test]
fn a_server_that_never_answers_ends_a_run_of_a_given_count() {
    let server = Scripted::start(|peer| peer.swallow());
    let plan = Plan { timeout: IMPATIENCE, ..count(server.address, 1_000_000) };
    let report = load(&plan);
    assert_eq!(report.errors.timeout, report.errors.total(), "{:?}", report.findings);
    assert_eq!(report.messages.verified, 0);
    assert!(report.throughput.duration_s >= IMPATIENCE.as_secs_f64(), "{:?}", report.throughput);
    expect_missing(&report, "0 of 1000000 messages came back");
}

#[test]
fn a_server_that_comes_back_is_loaded_again() {
    // The server closes every connection after its first line, and accepts the next.
    let server = Scripted::start(|peer| peer.echo(if peer.number < 3 { 1 } else { usize::MAX }));
    let report = load(&count(server.address, 90));
    assert_eq!(report.errors.total(), 3, "{:?}", report.findings);
    // The first connection that is back may send all messages that are left.
    assert!((4..=6).contains(&report.connections.opened), "{:?}", report.connections);
    assert!(report.messages.verified >= 87, "{:?}", report.messages);
}

#[test]
fn a_connection_that_fails_before_the_load_begins_is_opened_once_again() {
    // The second connection comes so late that the first waits to be opened again when the load begins.
    let server = Scripted::start(|peer| {
        while peer.number > 0
            && let Some(line) = peer.line()
        {
            hold_until(Instant::now() + Duration::from_millis(30));
            peer.send(line);
        }
    });
    let plan = Plan { connections: 2, connect_rate: Some(8.0), ..millis(server.address, 700) };
    let report = load(&plan);
    assert_eq!(report.errors.total(), 1, "{:?}", report.findings);
    assert_eq!((report.connections.opened, server.accepted()), (3, 3));
    assert_eq!(report.messages.sent, report.messages.verified, "{:?}", report.findings);
}

/// A server that listens from the first error on. Its first connection is slow until the second one has
/// sent a line, and that line comes back only when the first connection is over.
struct Late {
    socket: Option<Socket>,
    server: Option<Scripted>,
}

impl Observer for Late {
    fn progress(&mut self, progress: &Progress) {
        if progress.errors > 0
            && let Some(socket) = self.socket.take()
        {
            socket.listen(2).unwrap();
            let (has_second_sent, is_first_over) = (AtomicBool::new(false), AtomicBool::new(false));
            self.server = Some(Scripted::listen_with(socket.into(), move |peer| {
                if peer.number == 0 {
                    echo_slowly_until(&has_second_sent, peer);
                    peer.echo_all();
                    is_first_over.store(true, Ordering::Release);
                } else if let Some(line) = peer.line() {
                    has_second_sent.store(true, Ordering::Release);
                    wait_until("the end of the first", || is_first_over.load(Ordering::Acquire));
                    hold_until(Instant::now() + Duration::from_millis(100));
                    peer.send(line);
                    peer.echo_all();
                }
            }));
        }
    }
}

fn echo_slowly_until(is_enough: &AtomicBool, peer: &mut Peer) {
    while !is_enough.load(Ordering::Acquire)
        && let Some(line) = peer.line()
    {
        hold_until(Instant::now() + Duration::from_millis(30));
        peer.send(line);
    }
}

#[test]
fn a_connection_that_waits_to_be_opened_again_is_not_given_up() {
    let (socket, address) = nobody();
    // The first connection fails, and waits for its next turn for longer than the timeout.
    let plan = Plan {
        connections: 2,
        connect_rate: Some(0.3),
        timeout: Duration::from_secs(3),
        ..count(address, 1_000)
    };
    let late = Late { socket: Some(socket), server: None };
    let report = observed_load(&plan, &Stop::default(), late).0.unwrap();
    assert_eq!((report.errors.refused, report.errors.total()), (1, 1), "{:?}", report.findings);
    assert_eq!(report.connections.established, 2);
    assert_eq!((report.messages.sent, report.messages.verified), (1_000, 1_000));
}

/// In a network namespace of its own, the system has only two ports to choose from.
#[cfg(target_os = "linux")]
mod own_network {
    use std::env;
    use std::io::Read;
    use std::process::Command;

    use echo_tests::alone::skip;

    use super::*;

    const NAME: &str = "silence::own_network::a_connection_to_itself_is_no_server";

    /// Tells the test that it has begun.
    const VARIABLE: &str = "ECHO_TEST_OWN_NETWORK";

    const PREPARE: &str = "ip link set lo up && \
        echo 40000 40003 >/proc/sys/net/ipv4/ip_local_port_range";

    fn in_own_network(script: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--net", "--map-root-user", "sh", "-c", script]);
        command
    }

    #[test]
    fn a_connection_to_itself_is_no_server() {
        if env::var_os(VARIABLE).is_some() {
            return load_after_the_servers_end();
        }
        if !in_own_network(PREPARE).output().is_ok_and(|output| output.status.success()) {
            return skip("no network of its own can be made here");
        }
        let mut command = in_own_network(&format!("{PREPARE} && exec \"$0\" --exact {NAME}"));
        let output = command.arg(env::current_exe().unwrap()).env(VARIABLE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    fn load_after_the_servers_end() {
        let listener = TcpListener::bind("127.0.0.1:40002").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            drop(listener);
            // As long as the connection is open, its port is in use.
            stream.read_to_end(&mut vec![])
        });
        let report = load(&Plan { connections: 1, timeout: IMPATIENCE, ..millis(address, 2_000) });
        server.join().unwrap().unwrap();
        // This is the line that the server took. No other line followed.
        assert_eq!((report.messages.sent, report.messages.verified), (1, 0));
        assert!(report.errors.refused > 0, "{:?}", report.errors);
    }
}
