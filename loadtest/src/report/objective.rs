//! Service level objectives: what `--slo` asks for, and whether a run met it. Knows only the report.
//!
//! An objective is strict where a figure would flatter the server. A message that never came back
//! counts as slower than any limit. An objective that cannot be judged is not met, and says why.

mod parse;

use std::fmt;
use std::str::FromStr;

use crate::formatting;
use crate::report::distribution::Distribution;
use crate::report::run_report::{Objective, RunReport};
pub(crate) use parse::{number, split};

/// An objective, such as `p99<2ms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// The objective, as it was given.
    text: String,
    bound: Bound,
    relation: Relation,
}

/// The figure that is limited, and the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Time(Times, Statistic, f64),
    Errors(Amount),
    Rate(Amount),
}

/// A set of times.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Times {
    /// The times that a user of the server sees.
    Latency,
    Service,
    Connect,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Statistic {
    Percentile(Percentile),
    Mean,
    Max,
}

/// An exact fraction from 0 to 1. A floating-point 99.9 % would be off by one message.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Percentile {
    numerator: u64,
    denominator: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    /// A part of the messages, or of the rate that was asked for.
    Share(f64),
    Absolute(f64),
}

/// The side of a limit on which a value has to be, and whether the limit itself is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Relation {
    pub(crate) fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
        }
    }

    /// Returns whether small values hold.
    pub(crate) fn is_upper_limit(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// A figure, and the same in words. The error says why there is none.
type Measured = Result<(f64, String), String>;

impl Slo {
    /// Judges whether a run met the objective.
    ///
    /// - Times are those of [`RunReport::latency`], unless the name begins with `service.` or `connect.`.
    ///   Percentiles are those of the histogram. Messages that never came back, and connections that were
    ///   never made, count as slower than all others.
    /// - `errors` in percent is the part of the due messages that did not come back, or the errors of the
    ///   whole run if these are more. As a number it is the errors of the whole run.
    /// - `rate` up to 1, or in percent, is the part of the due messages that came back in time; only in an
    ///   open loop. Above 1 it is the number of messages that came back a second.
    #[must_use]
    pub fn judge(&self, report: &RunReport) -> Objective {
        let (limit, measured) = match self.bound {
            Bound::Time(times, statistic, limit) => (limit, time(times, statistic, report)),
            Bound::Errors(Amount::Absolute(limit)) => (limit, errors(report)),
            Bound::Errors(Amount::Share(limit)) => (limit, error_share(report)),
            Bound::Rate(Amount::Absolute(limit)) => (limit, rate(report)),
            Bound::Rate(Amount::Share(limit)) => (limit, rate_share(report)),
        };
        let (met, measured) = match measured {
            Ok((value, words)) => (self.relation.holds(value, limit), words),
            Err(why) => (false, why),
        };
        Objective { text: self.text.clone(), measured, met }
    }

    /// Returns the name of the percentile of [`RunReport::latency`] that the objective limits, and the
    /// limit in nanoseconds. Returns `None` if it limits something else.
    pub(crate) fn latency_limit(&self) -> Option<(&str, f64)> {
        match self.bound {
            Bound::Time(Times::Latency, Statistic::Percentile(_), limit) => {
                split(&self.text).map(|(name, _, _)| (name, limit))
            }
            Bound::Time(..) | Bound::Errors(_) | Bound::Rate(_) => None,
        }
    }
}

impl FromStr for Slo {
    type Err = String;

    /// # Errors
    /// A sentence for the user when the text is no objective.
    fn from_str(text: &str) -> Result<Self, String> {
        parse::slo(text)
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn time(times: Times, statistic: Statistic, report: &RunReport) -> Measured {
    let messages = &report.messages;
    let lost = messages.sent.saturating_sub(messages.verified);
    let connections = &report.connections;
    let (distribution, missing, what) = match times {
        Times::Latency => (report.latency(), lost + messages.unsent, "messages"),
        Times::Service => (&report.service_time, lost, "messages"),
        Times::Connect => {
            let missing = connections.asked.saturating_sub(connections.established);
            (&report.connect_time, missing, "connections")
        }
    };
    if distribution.count == 0 {
        return Err(match times {
            Times::Connect => "no connection was made".to_owned(),
            Times::Latency | Times::Service => "no message came back".to_owned(),
        });
    }
    let ns = statistic.of(distribution, missing, what)?;
    Ok((ns, formatting::time(ns)))
}

impl Statistic {
    /// Returns the statistic in nanoseconds. There are `missing` more times, slower than all others.
    fn of(self, distribution: &Distribution, missing: u64, what: &str) -> Result<f64, String> {
        let count = distribution.count.saturating_add(missing);
        let rank = match self {
            Self::Percentile(percentile) => percentile.rank(count),
            Self::Mean | Self::Max => count,
        };
        if rank > distribution.count {
            let (missing, count) = (formatting::count(missing), formatting::count(count));
            return Err(format!("beyond all limits: {missing} of {count} {what} failed"));
        }
        match self {
            Self::Percentile(_) => at_rank(distribution, rank).map(|ns| ns as f64),
            Self::Mean => Ok(distribution.mean_ns),
            Self::Max => Ok(distribution.max_ns as f64),
        }
    }
}

impl Percentile {
    /// Returns the rank, from 1, of the time at this percentile among `count` times in order.
    fn rank(self, count: u64) -> u64 {
        let exact = u128::from(self.numerator) * u128::from(count);
        let rank = exact.div_ceil(u128::from(self.denominator.max(1)));
        u64::try_from(rank).unwrap_or(u64::MAX).max(1)
    }
}

/// Returns the time with this rank, from 1 to the count.
fn at_rank(distribution: &Distribution, rank: u64) -> Result<u64, String> {
    let times =
        distribution.to_histogram().map_err(|error| format!("read the histogram: {error}"))?;
    let mut seen = 0;
    for step in times.iter_recorded() {
        seen += step.count_since_last_iteration();
        if seen >= rank {
            return Ok(times.highest_equivalent(step.value_iterated_to()));
        }
    }
    Err(format!("read the histogram: it has {seen} times instead of {}", distribution.count))
}

fn errors(report: &RunReport) -> Measured {
    due(report)?;
    let errors = report.errors.total();
    Ok((errors as f64, format!("{} errors", formatting::count(errors))))
}

fn error_share(report: &RunReport) -> Measured {
    let (due, messages) = (due(report)?, &report.messages);
    let lost = messages.sent.saturating_sub(messages.verified) + messages.unsent;
    // One error may cost many messages, or none.
    let (failed, what) = match report.errors.total() {
        errors if errors > lost => (errors, "errors on"),
        _ => (lost, "lost of"),
    };
    let share = ratio(failed, due);
    let (percent, failed, due) =
        (formatting::percent(share), formatting::count(failed), formatting::count(due));
    Ok((share, format!("{percent}: {failed} {what} {due} messages")))
}

/// Returns how many messages should have come back, at least one.
fn due(report: &RunReport) -> Result<u64, String> {
    let messages = &report.messages;
    match messages.asked.unwrap_or(0).max(messages.sent + messages.unsent) {
        0 => Err("no message was sent".to_owned()),
        due => Ok(due),
    }
}

fn rate(report: &RunReport) -> Measured {
    due(report)?;
    let rate = report.throughput.messages_per_s;
    Ok((rate, formatting::per_second(rate)))
}

fn rate_share(report: &RunReport) -> Measured {
    if report.load.rate.is_none() {
        return Err("no rate was asked for: the loop is closed".to_owned());
    }
    due(report)?;
    let Some(asked) = report.rate_asked() else {
        return Err("nothing was measured".to_owned());
    };
    let achieved = report.throughput.messages_per_s;
    let share = report.rate_share().unwrap_or_default();
    let words = format!(
        "{}: {} of {}",
        formatting::percent(share),
        formatting::per_second(achieved),
        formatting::per_second(asked)
    );
    Ok((share, words))
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests;
