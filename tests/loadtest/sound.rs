//! Rules that hold in every report, whatever the server did.

use std::time::{Duration, SystemTime};

use echo_loadtest::distribution::Distribution;
use echo_loadtest::plan::{Arrival, Limit, Plan};
use echo_loadtest::run_report::{FORMAT, RunReport};
use echo_loadtest::verdict::verdict;

/// # Panics
/// If the report contradicts itself or the plan.
#[track_caller]
pub(crate) fn expect_sound(report: &RunReport, plan: &Plan) {
    expect_what_was_asked(report, plan);
    expect_counts(report, plan);
    expect_distributions(report, plan);
    expect_intervals(report);
    expect_findings(report);
    expect_flood(report, plan);
    expect_times(report, plan);
    assert_eq!(verdict(report), report.verdict);
}

#[track_caller]
fn expect_what_was_asked(report: &RunReport, plan: &Plan) {
    assert_eq!((report.format.as_str(), report.agents), (FORMAT, 1));
    assert_eq!(report.target, plan.target.to_string());
    let load = &report.load;
    assert_eq!(
        (load.connections, load.threads, load.depth, load.send_burst, load.seed),
        (
            plan.connections.into(),
            plan.threads.into(),
            plan.depth.into(),
            plan.send_burst.into(),
            plan.seed
        )
    );
    assert_eq!(load.rate, plan.rate());
    assert_eq!((load.agent_index, load.agent_count), (plan.share.index, plan.share.count));
    assert_eq!(load.warmup_s, plan.warmup.as_secs_f64());
    match plan.limit {
        Limit::Count(count) => assert_eq!((load.count, load.duration_s), (Some(count), None)),
        Limit::Duration(time) => {
            assert_eq!((load.count, load.duration_s), (None, Some(time.as_secs_f64())));
        }
    }
    assert!(report.objectives.is_empty());
}

#[track_caller]
fn expect_counts(report: &RunReport, plan: &Plan) {
    let (connections, messages) = (report.connections, report.messages);
    let ours = (plan.share.index..plan.connections).step_by(plan.share.count as usize).count();
    assert_eq!(connections.asked, ours as u64);
    assert!(connections.established <= connections.asked, "{connections:?}");
    assert!(connections.opened >= connections.established, "{connections:?}");
    assert!((0.0..=1.0).contains(&connections.missing), "{connections:?}");
    assert!(messages.verified <= messages.sent, "{messages:?}");
    match (plan.limit, plan.arrival) {
        (Limit::Count(_), _) => assert!(Some(messages.sent) <= messages.asked, "{messages:?}"),
        (Limit::Duration(_), Arrival::Closed) => assert_eq!(messages.asked, None),
        (Limit::Duration(_), Arrival::Constant(_) | Arrival::Poisson(_)) => {
            assert_eq!(messages.asked, Some(messages.sent + messages.unsent));
        }
    }
    if plan.arrival == Arrival::Closed {
        assert_eq!(messages.unsent, 0);
    }
    if matches!(plan.limit, Limit::Count(_)) {
        assert_eq!(report.throughput.messages, messages.verified);
    }
}

#[track_caller]
fn expect_distributions(report: &RunReport, plan: &Plan) {
    let is_open_loop = plan.rate().is_some();
    assert_eq!(report.service_time.count, report.messages.verified);
    assert_eq!(report.response_time.is_some(), is_open_loop);
    assert_eq!(report.generator.lateness.is_some(), is_open_loop);
    expect_distribution(&report.service_time);
    expect_distribution(&report.connect_time);
    assert!(report.connect_time.count <= report.connections.opened);
    if let (Some(response), Some(lateness)) = (&report.response_time, &report.generator.lateness) {
        assert_eq!(response.count, report.messages.verified);
        assert!(lateness.count <= report.messages.sent);
        expect_distribution(response);
        expect_distribution(lateness);
        for quantile in [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
            // A message is never sent before it is due.
            let [response, service] = [response, &report.service_time]
                .map(|times| times.to_histogram().unwrap().value_at_quantile(quantile));
            assert!(response >= service, "{response} < {service} at {quantile}");
        }
    }
}

#[track_caller]
fn expect_distribution(times: &Distribution) {
    let histogram = times.to_histogram().unwrap();
    assert_eq!(&Distribution::new(&histogram), times);
    let rising = [
        times.min_ns,
        times.p50_ns,
        times.p75_ns,
        times.p90_ns,
        times.p99_ns,
        times.p99_9_ns,
        times.p99_99_ns,
        times.max_ns,
    ];
    assert!(rising.is_sorted(), "{times:?}");
}

#[track_caller]
fn expect_intervals(report: &RunReport) {
    let (intervals, throughput) = (&report.intervals, &report.throughput);
    let sum = |of: fn(&_) -> u64| intervals.iter().map(of).sum::<u64>();
    assert_eq!(sum(|interval| interval.messages), throughput.messages, "{intervals:?}");
    assert_eq!(sum(|interval| interval.bytes), throughput.bytes, "{intervals:?}");
    assert!(sum(|interval| interval.errors) <= report.errors.total());
    let mut end_s = 0.0;
    for interval in intervals {
        assert!(interval.duration_s >= 0.0, "{interval:?}");
        assert!(near(interval.start_s, end_s) || interval.duration_s == 0.0, "{intervals:?}");
        assert!([0, interval.p50_ns, interval.p99_ns, interval.max_ns].is_sorted());
        end_s += interval.duration_s;
    }
    assert!(near(end_s, throughput.duration_s) || intervals.is_empty(), "{intervals:?}");
    let longest = intervals.iter().map(|interval| interval.max_ns).max().unwrap_or_default();
    assert_eq!(longest, report.latency().max_ns);
}

#[track_caller]
fn expect_findings(report: &RunReport) {
    let by_kind = report.errors.by_kind();
    let flooding = report.load.flood.map_or(0, |flood| flood.connections);
    assert!(report.findings.len() as u64 <= report.errors.total(), "{:?}", report.findings);
    assert_eq!(report.findings.is_empty(), report.errors.total() == 0, "{:?}", report.findings);
    for finding in &report.findings {
        let is_counted = by_kind.iter().any(|&(kind, count)| kind == finding.kind && count > 0);
        assert!(is_counted, "{finding:?} {:?}", report.errors);
        assert!(finding.connection < report.load.connections + flooding, "{finding:?}");
        assert!(finding.text.chars().all(|char| !char.is_control()), "{finding:?}");
    }
}

#[track_caller]
fn expect_flood(report: &RunReport, plan: &Plan) {
    let (asked, found) = (report.load.flood, report.flood);
    assert_eq!(asked.is_some(), plan.flood.is_some());
    assert_eq!(found.is_some(), plan.flood.is_some());
    let (Some(plan), Some(asked), Some(found)) = (plan.flood, asked, found) else { return };
    assert_eq!(
        (asked.connections, asked.size, asked.depth),
        (plan.connections.into(), plan.size, plan.depth.into())
    );
    assert!(found.connections.established <= found.connections.asked, "{found:?}");
    assert!(found.connections.opened >= found.connections.established, "{found:?}");
    if found.errors.total() == 0 {
        // At both ends of the measured part a message may be back in part.
        let whole = found.messages * plan.size as u64;
        let parts = found.connections.opened * plan.size as u64;
        assert!(found.bytes.abs_diff(whole) <= parts, "{found:?}");
    }
    assert_eq!(found.bytes_per_s > 0.0, found.bytes > 0, "{found:?}");
    for ((_, of_flood), (kind, of_all)) in
        found.errors.by_kind().into_iter().zip(report.errors.by_kind())
    {
        assert!(of_flood <= of_all, "{kind}: {found:?} {:?}", report.errors);
    }
}

#[track_caller]
fn expect_times(report: &RunReport, plan: &Plan) {
    let throughput = report.throughput;
    let at = |text: &str| humantime::parse_rfc3339(text).expect("a time");
    let (started, ended) = (at(&report.started_at), at(&report.ended_at));
    let took = ended.duration_since(started).expect("the end comes after the start");
    assert!(near(took.as_secs_f64(), throughput.duration_s), "{took:?} {throughput:?}");
    let now = SystemTime::now();
    let latest = plan.start_at.unwrap_or(now).max(now) + Duration::from_secs(24 * 3600);
    assert!(started < latest);
    if let (Limit::Duration(duration), false) = (plan.limit, report.interrupted) {
        assert!(near(throughput.duration_s, duration.as_secs_f64()), "{throughput:?}");
    }
    if throughput.duration_s > 0.0 {
        let messages = throughput.messages_per_s * throughput.duration_s;
        assert!(near(messages, throughput.messages as f64), "{throughput:?}");
        let bytes = throughput.bytes_per_s * throughput.duration_s;
        assert!(near(bytes, throughput.bytes as f64), "{throughput:?}");
    }
    expect_generator(report, plan);
}

#[track_caller]
fn expect_generator(report: &RunReport, plan: &Plan) {
    let threads = &report.generator.threads;
    let started = u64::from(plan.threads).min(report.connections.asked);
    assert_eq!(threads.len() as u64, started);
    let without_stamp = report.generator.without_stamp;
    assert_eq!(without_stamp.is_some(), plan.kernel_timestamps);
    assert!(without_stamp <= Some(report.messages.verified), "{without_stamp:?}");
    for thread in threads {
        assert!((0.0..=1.0).contains(&thread.busy), "{thread:?}");
        assert!((0.0..=1.0).contains(&thread.waiting), "{thread:?}");
        assert!(thread.cpu_s >= 0.0, "{thread:?}");
    }
}

/// Checks that two numbers are equal, except for rounding.
fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * one.abs().max(other.abs()).max(1e-3)
}
