//! The figures at the end of a soak, as a Markdown table.

use std::fmt::Write;
use std::time::Duration;

use super::arena::Counts;
use super::samples::Samples;
use crate::load::mib;

/// Returns the table of everything that was counted and measured.
pub(super) fn figures(duration: Duration, seed: u64, counts: &Counts, samples: &Samples) -> String {
    let load = &counts.load;
    let (early, late) = samples.trend();
    let cpu = samples.cpu().as_secs_f64();
    let rows = [
        ("duration", format!("{:.0} s, --seed {seed}", duration.as_secs_f64())),
        ("connections", format!("{}, and {} probes", load.connections, load.probes)),
        ("bytes compared", format!("{} ({})", counts.compared.bytes, mib(counts.compared.bytes))),
        ("messages compared", counts.compared.messages.to_string()),
        ("connections reset by peers", counts.resets.to_string()),
        ("processes killed in mid-transfer", counts.kills.to_string()),
        ("connections closed as idle", load.reclaimed.to_string()),
        ("stops and continuations of the server", counts.stops.to_string()),
        ("memory, idle at the start", mib(samples.idle().resident)),
        ("memory, median", mib(samples.median())),
        (
            "memory, median of the second and of the last fifth",
            format!("{}, {}", mib(early), mib(late)),
        ),
        (
            "memory, maximum",
            format!("{}; {} allowed", mib(samples.max_resident()), mib(samples.bound())),
        ),
        ("descriptors, maximum", samples.max_descriptors().to_string()),
        ("descriptors, before and after", samples.idle().descriptors.to_string()),
        ("threads, at all times", samples.idle().threads.to_string()),
        (
            "CPU time of the server",
            format!("{cpu:.0} s, {:.0} %", 100.0 * cpu / duration.as_secs_f64()),
        ),
        (
            "CPU time of the server, maximum in a second",
            format!("{:.2} s", samples.max_cpu().as_secs_f64()),
        ),
        ("wrong bytes, unexpected ends, stalls", "none (any of them ends the run)".to_owned()),
    ];
    let mut table = "| figure | |\n|---|---|".to_owned();
    for (figure, value) in rows {
        let _ = write!(table, "\n| {figure} | {value} |");
    }
    table
}
