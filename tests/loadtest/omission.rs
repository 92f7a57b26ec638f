//! Coordinated omission: a server stalls for 100 ms every second, and messages that are due during a
//! stall have to wait. An open loop shows their waiting. It is compared with the server's own record.

use std::time::{Duration, Instant};

use echo_loadtest::distribution::Distribution;
use echo_loadtest::plan::{Arrival, Plan};

use crate::delays::{Visits, expect_between, holding};
use crate::load::{honest_load, load, millis};
use crate::scripted::Scripted;

const PERIOD: Duration = Duration::from_secs(1);
const STALL: Duration = Duration::from_millis(100);

/// Half of a stall. A longer time includes a stall.
const LONG: Duration = Duration::from_millis(50);

const CONNECTIONS: u32 = 4;
const RATE: f64 = 1_000.0;

/// Length of a run that contains at least one whole stall.
const LENGTH_MS: u64 = 1_500;

fn stalling() -> (Scripted, Visits) {
    let origin = Instant::now();
    holding(move |_, arrived| {
        let since = (arrived - origin).as_nanos() % PERIOD.as_nanos();
        let since = Duration::from_nanos(u64::try_from(since).unwrap_or_default());
        arrived + STALL.saturating_sub(since)
    })
}

fn count_long(times: &Distribution) -> u64 {
    let long = u64::try_from(LONG.as_nanos()).unwrap();
    times.to_histogram().unwrap().iter_recorded().fold(0, |count, bucket| {
        count + if bucket.value_iterated_to() >= long { bucket.count_at_value() } else { 0 }
    })
}

/// Counts, by the server's record, the messages that were due on a connection while the server held a
/// line of it, and whose replies were therefore late.
fn held_up(visits: &Visits) -> u64 {
    let gap = Duration::from_secs_f64(f64::from(CONNECTIONS) / RATE);
    let visits = visits.lock().unwrap();
    let holds = visits.iter().flat_map(|visit| visit.lines.split_last().map(|(_, lines)| lines));
    let late = holds.flatten().map(|&(arrived, echoed)| (echoed - arrived).saturating_sub(LONG));
    late.map(|late| u64::try_from(late.as_nanos() / gap.as_nanos()).unwrap()).sum()
}

#[test]
fn an_open_loop_shows_all_that_a_stall_keeps_waiting() {
    let (server, visits) = stalling();
    let arrival = Arrival::Constant(RATE);
    let plan = Plan { arrival, connections: CONNECTIONS, ..millis(server.address, LENGTH_MS) };
    let report = load(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.findings);
    assert_eq!(report.messages.asked, Some(1_500));
    let response = report.response_time.as_ref().unwrap();
    let (shown, held_up) = (count_long(response), held_up(&visits));
    assert!(held_up > 0, "the server never stalled");
    assert!(shown + report.messages.unsent >= held_up, "{shown} are shown of {held_up}");
    assert!(response.p99_ns >= 50_000_000, "{response:?}");
    // Of the messages that were sent, only one on each connection had to wait in each stall.
    let served_late = count_long(&report.service_time);
    assert!(4 * served_late <= shown, "{served_late} late replies, {shown} late users");
}

#[test]
fn a_closed_loop_shows_what_it_sent_and_nothing_else() {
    let (server, visits) = stalling();
    let plan = Plan { connections: CONNECTIONS, ..millis(server.address, LENGTH_MS) };
    let report = honest_load(&plan);
    expect_between(&report.service_time, &visits);
    assert!(report.service_time.max_ns >= 50_000_000, "{:?}", report.service_time);
}
