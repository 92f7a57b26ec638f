//! Adds counts and histograms. A sum that would overflow stays at the greatest number; no real run
//! reaches it.

use hdrhistogram::Histogram;

use crate::report::distribution::{self, Distribution};
use crate::report::merge::Part;
use crate::report::run_report::{
    self, Connections, Errors, Flood, Generator, Messages, RunReport, Throughput,
};

/// Returns the sum of one count over all reports.
pub(super) fn total(reports: &[&RunReport], count: impl Fn(&RunReport) -> u64) -> u64 {
    reports.iter().map(|report| count(report)).fold(0, u64::saturating_add)
}

pub(super) fn connections(all: impl IntoIterator<Item = Connections>) -> Connections {
    let all: Vec<Connections> = all.into_iter().collect();
    let total = |count: fn(&Connections) -> u64| all.iter().map(count).fold(0, u64::saturating_add);
    let asked = total(|one| one.asked);
    let missing: f64 = all.iter().map(|one| one.missing * one.asked as f64).sum();
    Connections {
        asked,
        established: total(|one| one.established),
        opened: total(|one| one.opened),
        missing: missing / asked.max(1) as f64,
    }
}

pub(super) fn messages(reports: &[&RunReport]) -> Messages {
    let asked: Option<Vec<u64>> = reports.iter().map(|report| report.messages.asked).collect();
    Messages {
        asked: asked.map(|asked| asked.into_iter().fold(0, u64::saturating_add)),
        sent: total(reports, |report| report.messages.sent),
        verified: total(reports, |report| report.messages.verified),
        unsent: total(reports, |report| report.messages.unsent),
    }
}

/// Adds the throughput. Rates refer to the whole time from the first start to the last end, `total_s`.
/// If the parts do not fully overlap, the rate is below the sum of their rates, and never above it.
pub(super) fn throughput(reports: &[&RunReport], total_s: f64) -> Throughput {
    let measured = reports.iter().map(|report| report.throughput.duration_s);
    let duration_s = measured.fold(total_s, f64::max);
    let messages = total(reports, |report| report.throughput.messages);
    let bytes = total(reports, |report| report.throughput.bytes);
    Throughput::new(duration_s, messages, bytes)
}

/// Adds the floods. Either all parts have one, or none has.
pub(super) fn flood(parts: &[&Part], duration_s: f64) -> Result<Option<Flood>, String> {
    let floods: Vec<Flood> = parts.iter().filter_map(|part| part.report.flood).collect();
    if floods.is_empty() {
        return Ok(None);
    }
    if let Some(part) = parts.iter().find(|part| part.report.flood.is_none()) {
        return Err(format!("{} has no flood, and another report has one", part.name));
    }
    let total = |count: fn(&Flood) -> u64| floods.iter().map(count).fold(0, u64::saturating_add);
    let bytes = total(|flood| flood.bytes);
    Ok(Some(Flood {
        connections: connections(floods.iter().map(|flood| flood.connections)),
        messages: total(|flood| flood.messages),
        bytes,
        bytes_per_s: run_report::per_second(bytes, duration_s),
        // If one part does not report it, the maximum is unknown.
        busy: floods.iter().try_fold(0.0, |most: f64, flood| Some(flood.busy?.max(most))),
        errors: errors(floods.iter().map(|flood| flood.errors)),
    }))
}

pub(super) fn errors(all: impl IntoIterator<Item = Errors>) -> Errors {
    let mut sum = Errors::default();
    all.into_iter().for_each(|errors| sum.add(&errors));
    sum
}

pub(super) fn generator(parts: &[&Part]) -> Result<Generator, String> {
    let reports = || parts.iter().map(|part| &part.report);
    let of_one = |report: &RunReport| report.throughput.messages as f64;
    let messages: f64 = reports().map(of_one).sum();
    let cpu_ns: f64 =
        reports().map(|report| report.generator.cpu_per_message_ns * of_one(report)).sum();
    Ok(Generator {
        threads: reports().flat_map(|report| report.generator.threads.iter().copied()).collect(),
        cpu_per_message_ns: if messages > 0.0 { cpu_ns / messages } else { 0.0 },
        lateness: optional_times(parts, |report| report.generator.lateness.as_ref())?,
        without_stamp: without_stamp(reports()),
    })
}

/// Returns the number of messages without a kernel timestamp, or `None` if one report does not have it.
fn without_stamp<'a>(mut reports: impl Iterator<Item = &'a RunReport>) -> Option<u64> {
    reports.try_fold(0_u64, |sum, report| Some(sum.saturating_add(report.generator.without_stamp?)))
}

/// Returns the times of all parts together.
pub(super) fn times(
    parts: &[&Part],
    of_one: impl Fn(&RunReport) -> &Distribution,
) -> Result<Distribution, String> {
    let encoded = parts.iter().map(|part| (*part, of_one(&part.report).histogram.as_str()));
    add(encoded).map(|sum| Distribution::new(&sum))
}

/// Returns the times of all parts together. Either all parts have them, or none has.
pub(super) fn optional_times(
    parts: &[&Part],
    of_one: impl Fn(&RunReport) -> Option<&Distribution>,
) -> Result<Option<Distribution>, String> {
    let present: Vec<_> = parts
        .iter()
        .filter_map(|part| of_one(&part.report).map(|times| (*part, times.histogram.as_str())))
        .collect();
    if present.is_empty() {
        return Ok(None);
    }
    if let Some(part) = parts.iter().find(|part| of_one(&part.report).is_none()) {
        return Err(format!("{} lacks times that another report has", part.name));
    }
    add(present).map(|sum| Some(Distribution::new(&sum)))
}

/// Adds encoded histograms exactly.
pub(super) fn add<'a>(
    encoded: impl IntoIterator<Item = (&'a Part, &'a str)>,
) -> Result<Histogram<u64>, String> {
    let mut sum = distribution::histogram();
    for (part, text) in encoded {
        let unsound = |reason: &str| format!("{}: a histogram is invalid: {reason}", part.name);
        let histogram = distribution::decode(text).map_err(|reason| unsound(&reason))?;
        sum.add(&histogram).map_err(|reason| unsound(&reason.to_string()))?;
    }
    Ok(sum)
}
