//! Compares the figures on a page with those of the reports. The values in the markup must be equal to
//! the last bit. The text that a person reads must be right to its last digit.

use echo_loadtest::capacity::CapacityReport;
use echo_loadtest::run_report::RunReport;
use serde_json::Value;

use super::looks::{Figure, Seen};

/// Figures that every page must contain for every run, as JSON pointers.
const NEEDED: [&str; 12] = [
    "/throughput/messages_per_s",
    "/throughput/bytes_per_s",
    "/service_time/p50_ns",
    "/service_time/p99_ns",
    "/service_time/p99_9_ns",
    "/service_time/p99_99_ns",
    "/service_time/max_ns",
    "/connect_time/p99_ns",
    "/errors/timeout",
    "/errors/corrupt",
    "/generator/cpu_per_message_ns",
    "/load/connections",
];

/// Figures that a page must also contain for a run in an open loop.
const NEEDED_IN_OPEN_LOOP: [&str; 5] = [
    "/load/rate",
    "/response_time/p50_ns",
    "/response_time/p99_99_ns",
    "/response_time/max_ns",
    "/generator/lateness/p99_ns",
];

/// Figures that every page must contain for every round of a search.
const NEEDED_OF_ROUND: [&str; 4] = ["number", "rate_asked", "rate_achieved", "errors"];

/// A report from which a page was made.
pub(super) struct Source {
    json: Value,
    needed: Vec<String>,
}

impl Source {
    pub(super) fn run(report: &RunReport) -> Self {
        let json = serde_json::to_value(report).expect("a report can be written as JSON");
        let open = if report.response_time.is_some() { &NEEDED_IN_OPEN_LOOP[..] } else { &[] };
        let needed = NEEDED.iter().chain(open).map(|pointer| (*pointer).to_owned()).collect();
        Self { json, needed }
    }

    pub(super) fn capacity(report: &CapacityReport) -> Self {
        let json = serde_json::to_value(report).expect("a report can be written as JSON");
        let rounds = (0..report.rounds.len())
            .flat_map(|index| NEEDED_OF_ROUND.map(|name| format!("/rounds/{index}/{name}")));
        let capacity = report.capacity.map(|_| "/capacity".to_owned());
        let broke = report.broke.as_ref().map(|_| "/broke/rate".to_owned());
        Self { json, needed: rounds.chain(capacity).chain(broke).collect() }
    }
}

/// Compares all figures of a page with the reports, and returns how many there are.
pub(super) fn assert_equal(seen: &Seen, sources: &[Source]) -> usize {
    for (index, Source { json, needed }) in sources.iter().enumerate() {
        let of_run: Vec<&Figure> =
            seen.figures.iter().filter(|figure| figure.run == index).collect();
        of_run.iter().for_each(|figure| assert_one(figure, json));
        for pointer in needed {
            let there = of_run.iter().any(|figure| figure.pointer == *pointer);
            assert!(there, "the page lacks {pointer} of run {index}");
        }
    }
    seen.figures.len()
}

fn assert_one(Figure { pointer, value, shown, .. }: &Figure, json: &Value) {
    let wanted = json.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is in no report"));
    let held: Value = serde_json::from_str(value).expect("the value on the page is JSON");
    assert_eq!(&held, wanted, "{pointer}");
    let exact = wanted.as_f64().unwrap_or_else(|| panic!("{pointer} is not a number"));
    if shown == "–" {
        assert!(exact == 0.0, "{pointer}: the page shows no figure, the report says {exact}");
        return;
    }
    let base = if pointer.ends_with("_ns") { 1e9 } else { 1.0 };
    let read = read_back(shown);
    let read = read.unwrap_or_else(|| panic!("{pointer}: {shown} is not a figure")) * base;
    // The page rounds to three digits, or to thousandths: half a unit of the last digit is allowed.
    let close = (read - exact).abs() <= (0.005_1 * exact.abs()).max(0.000_6);
    assert!(close, "{pointer}: the page shows {shown}, the report says {exact}");
}

/// Parses a figure as the page shows it. Returns it in seconds, in bytes or without a unit.
fn read_back(shown: &str) -> Option<f64> {
    let plain = shown.trim_start_matches('≥').trim_end_matches("/s").replace(',', "");
    let (plain, part) = plain.strip_suffix('%').map_or((plain.as_str(), 1.0), |it| (it, 0.01));
    let (number, unit) = plain.split_once(' ').unwrap_or((plain, ""));
    let factor = match unit {
        "ns" => 1e-9,
        "µs" => 1e-6,
        "ms" => 1e-3,
        "" | "s" | "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    number.replace('−', "-").parse::<f64>().ok().map(|number| number * factor * part)
}

#[cfg(test)]
mod tests {
    use super::read_back;

    #[test]
    fn figures_are_read_as_they_are_shown() {
        for (shown, wanted) in [
            ("1.50 ms", Some(0.001_5)),
            ("≥60.0 s", Some(60.0)),
            ("1,234/s", Some(1_234.0)),
            ("2.50 kB/s", Some(2_500.0)),
            ("25.0 %", Some(0.25)),
            ("−0.250 s", Some(-0.25)),
            ("7 apples", None),
            ("fast", None),
        ] {
            assert_eq!(read_back(shown), wanted, "{shown}");
        }
    }
}
