//! Servers that hold lines for known times, and note how long they really held them.
//!
//! In a closed loop with one line in flight, the service time of a line has two bounds by the server's
//! clock, however slow the machine is. It is at least the time for which the line was held, and at most
//! the time from the reply before it to the line after it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use echo_loadtest::distribution::{Distribution, histogram};
use echo_loadtest::plan::{Arrival, Plan};
use echo_loadtest::run_report::{RunReport, VerdictKind};

use crate::load::{count, honest_load, load, millis};
use crate::scripted::{Scripted, hold_until};

/// What a server knows about a connection.
pub(crate) struct Visit {
    began: Instant,
    /// When each line had arrived, and when its echo was about to be sent.
    pub(crate) lines: Vec<(Instant, Instant)>,
    ended: Instant,
}

/// All connections that have ended.
pub(crate) type Visits = Arc<Mutex<Vec<Visit>>>;

/// Holds each line until a time that depends on its number and on when it arrived.
pub(crate) fn holding(
    until: impl Fn(usize, Instant) -> Instant + Send + Sync + 'static,
) -> (Scripted, Visits) {
    let visits = Visits::default();
    let guest_book = Arc::clone(&visits);
    // This is before anything was sent. The thread of a connection may begin after its first line
    // arrived.
    let began = Instant::now();
    let server = Scripted::start(move |peer| {
        let mut lines = vec![];
        while let Some(line) = peer.line() {
            let arrived = Instant::now();
            hold_until(until(lines.len(), arrived));
            lines.push((arrived, Instant::now()));
            peer.send(line);
        }
        let visit = Visit { began, lines, ended: Instant::now() };
        // This comes before the connection is closed, because the load tester waits for that.
        guest_book.lock().unwrap_or_else(PoisonError::into_inner).push(visit);
    });
    (server, visits)
}

impl Visit {
    /// Returns the least and the greatest service time that each line can have.
    fn bounds(&self) -> impl Iterator<Item = (Duration, Duration)> + '_ {
        self.lines.iter().enumerate().map(|(number, &(arrived, echoed))| {
            let before = if number == 0 { self.began } else { self.lines[number - 1].1 };
            let after = self.lines.get(number + 1).map_or(self.ended, |&(arrived, _)| arrived);
            (echoed - arrived, after - before)
        })
    }
}

/// Compares every quantile. The buckets of all three histograms are the same.
#[track_caller]
pub(crate) fn expect_between(service_time: &Distribution, visits: &Visits) {
    let (mut least, mut most) = (histogram(), histogram());
    for (low, high) in visits.lock().unwrap().iter().flat_map(Visit::bounds) {
        least.record(u64::try_from(low.as_nanos()).unwrap()).unwrap();
        most.record(u64::try_from(high.as_nanos()).unwrap()).unwrap();
    }
    let measured = service_time.to_histogram().unwrap();
    assert_eq!([measured.len(), measured.len()], [least.len(), most.len()]);
    for rank in 0..=10_000 {
        let quantile = f64::from(rank) / 10_000.0;
        let [low, value, high] =
            [&least, &measured, &most].map(|times| times.value_at_quantile(quantile));
        assert!(low <= value && value <= high, "at {quantile}: not {low} <= {value} <= {high}");
    }
}

/// Holds 90 of 100 lines for 1 ms, 9 for 5 ms, and 1 for 20 ms.
fn delay(number: usize) -> Duration {
    Duration::from_millis(match number % 100 {
        99 => 20,
        90..99 => 5,
        _ => 1,
    })
}

#[test]
fn percentiles_are_those_of_the_delays_that_were_injected() {
    let (server, visits) = holding(|number, arrived| arrived + delay(number));
    // Each connection has exactly 200 lines.
    let plan = Plan { messages_per_connection: Some(200), ..count(server.address, 600) };
    let report = honest_load(&plan);
    expect_between(&report.service_time, &visits);
    let times = &report.service_time;
    let at_least = |ns: u64, ms: u64| assert!(ns >= ms * 1_000_000, "{ns} < {ms} ms, {times:?}");
    at_least(times.min_ns + 2_000, 1);
    at_least(times.p50_ns, 1);
    at_least(times.p99_ns, 5);
    at_least(times.p99_9_ns, 20);
    at_least(times.max_ns, 20);
}

#[test]
fn an_open_loop_below_the_servers_speed_waits_for_nobody() {
    let (server, visits) = holding(|_, arrived| arrived + Duration::from_millis(2));
    let plan = Plan { arrival: Arrival::Constant(60.0), ..millis(server.address, 500) };
    let report = honest_load(&plan);
    assert_eq!(report.messages.asked, Some(30));
    expect_at_least_the_holds(&report.service_time, &visits);
}

#[test]
fn each_of_many_short_connections_is_measured() {
    let (server, visits) = holding(|_, arrived| arrived + Duration::from_millis(2));
    let plan = Plan { messages_per_connection: Some(1), ..count(server.address, 60) };
    expect_at_least_the_holds(&honest_load(&plan).service_time, &visits);
}

/// If no line is sent because a reply came, only the least time is known.
#[track_caller]
fn expect_at_least_the_holds(service_time: &Distribution, visits: &Visits) {
    let visits = visits.lock().unwrap();
    let mut holds = histogram();
    for (low, _) in visits.iter().flat_map(Visit::bounds) {
        holds.record(u64::try_from(low.as_nanos()).unwrap()).unwrap();
    }
    let measured = service_time.to_histogram().unwrap();
    assert_eq!(measured.len(), holds.len());
    for rank in 0..=100 {
        let quantile = f64::from(rank) / 100.0;
        assert!(measured.value_at_quantile(quantile) >= holds.value_at_quantile(quantile));
    }
}

/// Sends 200 messages a second for half a second to a server that takes 20 ms for each.
fn overloaded(depth: u32) -> (RunReport, Visits) {
    let (server, visits) = holding(|_, arrived| arrived + Duration::from_millis(20));
    let arrival = Arrival::Constant(200.0);
    let plan = Plan { arrival, connections: 1, depth, ..millis(server.address, 500) };
    (load(&plan), visits)
}

#[test]
fn a_server_slower_than_the_rate_leaves_messages_unsent() {
    let (report, visits) = overloaded(1);
    assert_eq!(report.errors.total(), 0, "{:?}", report.findings);
    let messages = report.messages;
    assert_eq!(messages.asked, Some(100));
    // In 500 ms the server can have taken 25 messages, and one more is in flight.
    assert!((1..=26).contains(&messages.sent), "{messages:?}");
    assert_eq!(messages.verified, messages.sent);
    assert_ne!(report.verdict.kind, VerdictKind::Valid, "{:?}", report.verdict);
    let missing = format!("{} of 100 messages came back", messages.verified);
    assert!(report.verdict.reasons.contains(&missing), "{:?}", report.verdict);
    expect_response_times_that_grow(&report);
    // There is always another message to send, as in a closed loop.
    expect_between(&report.service_time, &visits);
}

/// The next message is due 5 ms later and sent at least 20 ms later, so each message waits 15 ms longer
/// than the one before it.
#[track_caller]
fn expect_response_times_that_grow(report: &RunReport) {
    let response = report.response_time.as_ref().unwrap().to_histogram().unwrap();
    for rank in 1..=report.messages.verified {
        let quantile = rank as f64 / report.messages.verified as f64;
        let (value, least) =
            (response.value_at_quantile(quantile), (20 + 15 * (rank - 1)) * 1_000_000);
        assert!(value >= least, "message {rank}: {value} ns, not {least}");
    }
}

#[test]
fn the_time_in_the_servers_queue_is_service_time() {
    let (report, _) = overloaded(8);
    let messages = report.messages;
    assert_eq!((messages.asked, messages.verified), (Some(100), messages.sent));
    assert!(messages.sent <= 25 + 8, "{messages:?}");
    // From the eighth on, each message waits for seven others.
    assert!(report.service_time.p90_ns >= 7 * 20_000_000, "{:?}", report.service_time);
}
