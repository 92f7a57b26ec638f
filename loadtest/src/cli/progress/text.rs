//! Progress in words. Pure.

use std::time::Duration;

use crate::cli::progress::{Phase, Snapshot};
use echo_loadtest::formatting;

/// Returns a line for the log.
pub(super) fn line(snapshot: &Snapshot) -> String {
    let mut line = format!(
        "progress phase={} elapsed={:.1}s connections={}/{} messages={} messages_per_s={:.1}",
        name(snapshot.phase),
        snapshot.elapsed.as_secs_f64(),
        snapshot.connected,
        snapshot.asked_connections,
        snapshot.messages,
        snapshot.messages_per_s,
    );
    if let Some(latency) = snapshot.latency {
        let ms = |ns: u64| ns as f64 / 1e6;
        let (p50_ms, p99_ms) = (ms(latency.p50_ns), ms(latency.p99_ns));
        line.push_str(&format!(" p50_ms={p50_ms:.3} p99_ms={p99_ms:.3}"));
    }
    line.push_str(&format!(" errors={}", snapshot.errors));
    if let Some(left) = snapshot.left() {
        line.push_str(&format!(" left={:.1}s", left.as_secs_f64()));
    }
    line
}

/// Returns the text beside the bar. The most important part comes first, because a narrow terminal cuts
/// the rest.
pub(super) fn beside_bar(snapshot: &Snapshot) -> String {
    let mut parts = match snapshot.phase {
        Phase::Connecting => vec![format!(
            "{} of {} connections",
            formatting::count(snapshot.connected),
            formatting::count(snapshot.asked_connections)
        )],
        Phase::Waiting | Phase::WarmUp | Phase::Measuring | Phase::Draining => {
            vec![format!("{} messages/s", formatting::rate(snapshot.messages_per_s))]
        }
    };
    if let Some(latency) = snapshot.latency {
        parts.push(format!("p50 {}", formatting::time(latency.p50_ns as f64)));
        parts.push(format!("p99 {}", formatting::time(latency.p99_ns as f64)));
    }
    parts.push(match snapshot.errors {
        0 => "no errors".to_owned(),
        errors => formatting::counted(errors, "error"),
    });
    if let Some(left) = snapshot.left() {
        parts.push(format!("{} left", whole_seconds(left)));
    }
    parts.join("  ")
}

/// Returns the name of a phase.
pub(super) fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Connecting => "connecting",
        Phase::Waiting => "waiting",
        Phase::WarmUp => "warm-up",
        Phase::Measuring => "measuring",
        Phase::Draining => "draining",
    }
}

/// Formats a time, rounded up to whole seconds, so that `0s` is the end.
fn whole_seconds(time: Duration) -> String {
    let more = u64::from(time.subsec_nanos() > 0);
    humantime::format_duration(Duration::from_secs(time.as_secs().saturating_add(more))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::progress::Goal;
    use crate::cli::progress::tests::sample;

    #[test]
    fn the_line_is_one_record_of_keys_and_values() {
        assert_eq!(
            line(&sample()),
            "progress phase=measuring elapsed=2.5s connections=49/50 messages=300000 \
             messages_per_s=123456.7 p50_ms=0.045 p99_ms=1.230 errors=0 left=7.5s"
        );
        let connecting = Snapshot {
            phase: Phase::Connecting,
            goal: Goal::Connections,
            messages: 0,
            messages_per_s: 0.0,
            latency: None,
            errors: 3,
            ..sample()
        };
        assert_eq!(
            line(&connecting),
            "progress phase=connecting elapsed=2.5s connections=49/50 messages=0 \
             messages_per_s=0.0 errors=3"
        );
    }

    #[test]
    fn the_bar_has_rate_percentiles_errors_and_time_left() {
        assert_eq!(
            beside_bar(&sample()),
            "123,457 messages/s  p50 45.2 µs  p99 1.23 ms  no errors  8s left"
        );
        let draining = Snapshot { phase: Phase::Draining, errors: 1, latency: None, ..sample() };
        assert_eq!(beside_bar(&draining), "123,457 messages/s  1 error");
        let connecting = Snapshot { phase: Phase::Connecting, goal: Goal::Connections, ..draining };
        assert_eq!(beside_bar(&connecting), "49 of 50 connections  1 error");
    }

    #[test]
    fn the_last_second_is_not_over_before_it_is() {
        for (millis, shown) in [(0, "0s"), (1, "1s"), (1_000, "1s"), (125_000, "2m 5s")] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), shown);
        }
    }
}
