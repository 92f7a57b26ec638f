//! The names of metrics: those of `loadtest compare`, and what is measured of idle connections.

use echo_loadtest::compare::Metric;

/// CPU time of an idle server, in nanoseconds a second.
pub(crate) const IDLE_CPU: &str = "idle-cpu";

/// Resident memory for each connection, in bytes.
pub(crate) const MEMORY: &str = "memory";

/// As a table calls it.
pub(crate) fn title(name: &str) -> &str {
    match name.parse::<Metric>() {
        Ok(metric) => metric.title(),
        Err(_) if name == IDLE_CPU => "CPU at idle",
        Err(_) => name,
    }
}

/// A value with its unit.
pub(crate) fn show(name: &str, value: f64) -> String {
    match name.parse::<Metric>() {
        Ok(metric) => metric.show(value),
        Err(_) if name == IDLE_CPU => format!("{:.3} ms/s", value / 1e6),
        Err(_) => value.to_string(),
    }
}

/// Whether it is what a server costs. That does not depend on whether the load tester could have been
/// quicker, as times and rates do.
pub(crate) fn is_cost(name: &str) -> bool {
    ["cpu", MEMORY, IDLE_CPU].contains(&name)
}

/// Whether it is a time that somebody waited.
pub(crate) fn is_time(name: &str) -> bool {
    !is_cost(name) && !is_more_better(name)
}

/// Whether it is a time between a message and its echo.
pub(crate) fn is_of_messages(name: &str) -> bool {
    is_time(name) && !name.starts_with("connect")
}

/// Whether more of it is better.
pub(crate) fn is_more_better(name: &str) -> bool {
    name.ends_with("throughput")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn loadtest_knows_every_metric_but_that_of_idle_servers() {
        for workload in workload::ALL {
            for name in workload.metrics.iter().filter(|name| **name != IDLE_CPU) {
                assert!(name.parse::<Metric>().is_ok(), "{}: {name}", workload.name());
            }
        }
    }

    #[test]
    fn values_have_their_units() {
        for (name, value, shown) in [
            ("cpu", 5_120.0, "5.12 µs"),
            ("throughput", 123_456.0, "123,456/s"),
            (MEMORY, 96.0, "96 B"),
            (IDLE_CPU, 1_234_000.0, "1.234 ms/s"),
        ] {
            assert_eq!(show(name, value), shown);
        }
    }
}
