//! The metrics by name: those of `loadtest compare`, and the CPU time of an idle server. Knows nothing
//! of results.

use echo_loadtest::compare::Metric;

/// CPU time of an idle server, in nanoseconds per second.
pub(crate) const IDLE_CPU: &str = "idle-cpu";

/// Resident memory per connection, in bytes.
pub(crate) const MEMORY: &str = "memory";

/// Returns the name of a metric in tables.
pub(crate) fn title(name: &str) -> &str {
    match name.parse::<Metric>() {
        Ok(metric) => metric.title(),
        Err(_) if name == IDLE_CPU => "CPU at idle",
        Err(_) => name,
    }
}

/// Returns a value with its unit.
pub(crate) fn show(name: &str, value: f64) -> String {
    match name.parse::<Metric>() {
        Ok(metric) => metric.show(value),
        Err(_) if name == IDLE_CPU => format!("{:.3} ms/s", value / 1e6),
        Err(_) => value.to_string(),
    }
}

/// Returns whether the metric is a cost of the server. A cost does not depend on the speed of the load
/// tester, unlike times and rates.
pub(crate) fn is_cost(name: &str) -> bool {
    ["cpu", MEMORY, IDLE_CPU].contains(&name)
}

/// Returns whether the metric is a waiting time.
pub(crate) fn is_time(name: &str) -> bool {
    !is_cost(name) && !is_more_better(name)
}

/// Returns whether the metric is a time between a message and its echo.
pub(crate) fn is_of_messages(name: &str) -> bool {
    is_time(name) && !name.starts_with("connect")
}

/// Returns whether a larger value is better.
pub(crate) fn is_more_better(name: &str) -> bool {
    name.ends_with("throughput")
}

#[cfg(test)]
mod tests {
    use super::*;

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
