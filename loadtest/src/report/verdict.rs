//! Whether a run's figures describe the server under the load that was asked for; pure.
//!
//! Three ways in which the load tester itself could have made the figures: its threads had something
//! to do nearly all the time, so what came back waited for them; they were ready and had no CPU; or, in
//! an open loop, messages went out late although the connection was free. When times of messages end when
//! the system received them that holds too: rates, and when messages are sent, stay the load tester's. The
//! thread of a flood is not judged: it is meant to be busy all the time.

use crate::report::run_report::{Connections, Flood, RunReport, Verdict, VerdictKind};

/// A thread that has something to do for a larger part of the time keeps replies waiting.
pub const MAX_BUSY: f64 = 0.95;

/// A thread that is ready to run and has no CPU for a larger part of the time measures that.
pub const MAX_WAITING: f64 = 0.10;

/// Lateness at the 99th percentile that is never held against the load tester.
pub const TOLERATED_LATENESS_NS: u64 = 200_000;

/// Otherwise, and as a part of the 99th percentile of the response times.
pub const MAX_LATENESS: f64 = 0.10;

/// The part of the messages asked for that has to be sent and to come back, and of the connections, over
/// the measured time, that has to be there.
pub const MIN_COMPLETE: f64 = 0.99;

/// The part of the messages that may lack a stamp while times are said to end when the system received
/// them.
pub const MAX_WITHOUT_STAMP: f64 = 0.01;

/// Said beside that a thread came late to what was there.
const BY_THE_SYSTEM: &str = "; times of messages end when the system received them";

/// Judges a report, whatever verdict it holds.
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

/// What shows that the load tester was too slow.
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

/// What a thread that came late did to times of messages, when they should end before it comes.
#[allow(clippy::cast_precision_loss)]
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

#[allow(clippy::cast_precision_loss)]
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

/// What is missing of what was asked for.
#[allow(clippy::cast_precision_loss)]
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

/// What was measured beside less than the flood that was asked for.
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
    use crate::sample;

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
            let mut report = sample::report();
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
