//! Decides whether a run's figures describe the server under the requested load. Pure.
//!
//! There are three ways in which the load tester can distort the figures:
//!
//! - Its threads had work nearly all the time, so replies waited for them.
//! - Its threads were ready to run and had no CPU.
//! - In an open loop, it sent messages late although the connection was free.
//!
//! All three matter with kernel timestamps too, because the load tester still determines the rates and
//! the times at which messages are sent. The thread of a flood is not judged, because it should be busy
//! all the time.

use crate::report::run_report::{Connections, Flood, RunReport, Verdict, VerdictKind};

/// Maximum share of the time in which a thread may have work. Above it, replies wait for the thread.
pub const MAX_BUSY: f64 = 0.95;

/// Maximum share of the time in which a thread may be ready to run without a CPU. Above it, the figures
/// measure this wait.
pub const MAX_WAITING: f64 = 0.10;

/// Lateness at the 99th percentile that is always tolerated.
pub const TOLERATED_LATENESS_NS: u64 = 200_000;

/// Maximum lateness at the 99th percentile above that, as a part of the 99th percentile of the response
/// times.
pub const MAX_LATENESS: f64 = 0.10;

/// Minimum share of the requested messages that must come back. Also the minimum share of the requested
/// connections that must be open, as an average over the measurement.
pub const MIN_COMPLETE: f64 = 0.99;

/// Maximum share of messages without a kernel timestamp at which times still count as ending when the
/// kernel received the messages.
pub const MAX_WITHOUT_STAMP: f64 = 0.01;

/// Addition to the reasons that a thread was busy or waited for a CPU, if the times of messages are not
/// affected.
const BY_THE_SYSTEM: &str = "; times of messages end when the system received them";

/// Judges a report. Ignores the verdict that the report already has.
#[must_use]
pub fn verdict(report: &RunReport) -> Verdict {
    let limits = generator_limits(report);
    let missing = missing(report);
    let kind = match (limits.is_empty(), missing.is_empty()) {
        (false, _) => VerdictKind::GeneratorLimited,
        (true, false) => VerdictKind::Incomplete,
        (true, true) => VerdictKind::Valid,
    };
    Verdict { kind, reasons: [limits, missing].concat() }
}

/// Returns the reasons to believe that the load tester was too slow.
fn generator_limits(report: &RunReport) -> Vec<String> {
    let threads = &report.generator.threads;
    let busiest = threads.iter().map(|thread| thread.busy).fold(0.0, f64::max);
    let hungriest = threads.iter().map(|thread| thread.waiting).fold(0.0, f64::max);
    let end_of_times = end_of_times(report);
    let mut reasons = vec![];
    if busiest > MAX_BUSY {
        reasons.push(format!(
            "a thread of the load tester was busy {:.0} % of the time: use more threads, or a faster \
             machine{end_of_times}",
            100.0 * busiest
        ));
    }
    if hungriest > MAX_WAITING {
        reasons.push(format!(
            "a thread of the load tester waited for a CPU {:.0} % of the time: use fewer threads, or \
             a machine of its own{end_of_times}",
            100.0 * hungriest
        ));
    }
    reasons.extend(lateness(report));
    reasons
}

/// Says, with kernel timestamps, whether a thread that was busy or waited for a CPU affected the times of
/// messages.
fn end_of_times(report: &RunReport) -> String {
    if !report.load.kernel_timestamps {
        return String::new();
    }
    let all = report.messages.verified;
    match report.generator.without_stamp {
        Some(own) if own as f64 > MAX_WITHOUT_STAMP * all as f64 => {
            format!("; the times of {own} of {all} messages are the load tester's own")
        }
        Some(_) | None => BY_THE_SYSTEM.to_owned(),
    }
}

fn lateness(report: &RunReport) -> Option<String> {
    let lateness = report.generator.lateness.as_ref()?.p99_ns;
    let response = report.latency().p99_ns;
    let is_late =
        lateness > TOLERATED_LATENESS_NS && lateness as f64 > MAX_LATENESS * response as f64;
    is_late.then(|| {
        format!(
            "the load tester sent 1 of 100 messages more than {:.3} ms later than it could have",
            lateness as f64 / 1e6
        )
    })
}

/// Returns the reasons why the load was less than requested.
fn missing(report: &RunReport) -> Vec<String> {
    let (connections, messages) = (&report.connections, &report.messages);
    let mut reasons = vec![];
    if report.interrupted {
        reasons.push(format!("stopped after {:.1} s", report.throughput.duration_s));
    }
    if connections.established < connections.asked {
        reasons.push(format!(
            "{} of {} connections were made",
            connections.established, connections.asked
        ));
    }
    if connections.missing > 1.0 - MIN_COMPLETE {
        reasons.push(format!(
            "connections that failed were not replaced: on average {:.0} of 100 were missing",
            (100.0 * connections.missing).ceil()
        ));
    }
    match messages.asked {
        Some(asked) if (messages.verified as f64) < MIN_COMPLETE * asked as f64 => {
            reasons.push(format!("{} of {asked} messages came back", messages.verified));
        }
        Some(_) => {}
        None if messages.verified == 0 => reasons.push("no message came back".to_owned()),
        None => {}
    }
    reasons.extend(report.flood.as_ref().and_then(missing_of_flood));
    reasons
}

/// Returns the reason why the flood was less than requested.
fn missing_of_flood(flood: &Flood) -> Option<String> {
    let Connections { asked, established, .. } = flood.connections;
    match flood.messages {
        _ if established < asked => {
            Some(format!("{established} of {asked} connections of the flood were made"))
        }
        0 => Some("no message of the flood came back".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness;

    #[test]
    fn a_verdict_is_shown_as_it_is_written() {
        for kind in [VerdictKind::Valid, VerdictKind::GeneratorLimited, VerdictKind::Incomplete] {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.name());
        }
    }

    #[test]
    fn of_a_thread_that_came_late_it_says_whose_times_end_then() {
        let own =
            |count| format!("; the times of {count} of 10000 messages are the load tester's own");
        for (kernel_timestamps, without_stamp, end_of_times) in [
            (false, None, None),
            (true, None, Some(BY_THE_SYSTEM.to_owned())),
            (true, Some(0), Some(BY_THE_SYSTEM.to_owned())),
            (true, Some(100), Some(BY_THE_SYSTEM.to_owned())),
            (true, Some(101), Some(own(101))),
            (true, Some(10_000), Some(own(10_000))),
        ] {
            let mut report = harness::example();
            report.load.kernel_timestamps = kernel_timestamps;
            report.generator.without_stamp = without_stamp;
            report.generator.threads[0].busy = 0.99;
            report.generator.threads[0].waiting = 0.5;
            let Verdict { kind, reasons } = verdict(&report);
            assert_eq!((kind, reasons.len()), (VerdictKind::GeneratorLimited, 2), "{reasons:?}");
            for reason in reasons {
                let said = reason.find("; ").map(|at| reason[at..].to_owned());
                assert_eq!(said, end_of_times, "{reason}");
            }
        }
    }
}
