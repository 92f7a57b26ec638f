//! Service level objectives: parses `--slo` and judges whether a run met it. Depends only on the report.
//!
//! The judgement is strict. A message that never came back counts as slower than any limit. An objective
//! that cannot be judged is not met, and the result says why.

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
    /// The text as the user gave it.
    text: String,
    bound: Bound,
    relation: Relation,
}

/// The figure that is limited, and its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Time(Times, Statistic, f64),
    Errors(Amount),
    Rate(Amount),
}

/// The kind of times that an objective limits.
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

/// An exact fraction from 0 to 1. A binary fraction for 99.9 % could be off by one message.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Percentile {
    numerator: u64,
    denominator: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    /// A share of the messages, or of the requested rate.
    Share(f64),
    Absolute(f64),
}

/// The side of a limit on which a value must be, and whether it may equal the limit.
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

    /// Whether values below the limit hold.
    pub(crate) fn is_upper_limit(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// A figure to be judged and the same figure in words, or the reason why there is none.
type Measured = Result<(f64, String), String>;

impl Slo {
    /// Judges whether the run met the objective.
    ///
    /// - Without a prefix, times are those of [`RunReport::latency`]. The prefix `service.` or `connect.`
    ///   selects those times. Percentiles are those of the histogram. Messages that never came back, and connections that
    ///   were never made, count as slower than all others.
    /// - `errors` in percent is the share of the due messages that did not come back. If the run had
    ///   more errors than that, it is the errors divided by the due messages. `errors` as a number is
    ///   the number of errors of the whole run.
    /// - `rate` up to 1, or in percent, is the share of the due messages that came back in the measured
    ///   time. It exists only in an open loop. `rate` above 1 is messages per second that came back.
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

    /// Returns the name of the percentile of [`RunReport::latency`] that it limits, and the limit in
    /// nanoseconds. Returns `None` if it limits something else.
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
    /// A sentence for the user, if the text is not an objective.
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
    /// Returns the figure in nanoseconds. `missing` further values count as slower than all others.
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
    /// Returns the rank of this percentile among `count` sorted times. Ranks start at 1.
    fn rank(self, count: u64) -> u64 {
        let exact = u128::from(self.numerator) * u128::from(count);
        let rank = exact.div_ceil(u128::from(self.denominator.max(1)));
        u64::try_from(rank).unwrap_or(u64::MAX).max(1)
    }
}

/// Returns the time with this rank. Ranks go from 1 to the count.
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
    Ok((errors as f64, formatting::counted(errors, "error")))
}

fn error_share(report: &RunReport) -> Measured {
    let (due, messages) = (due(report)?, &report.messages);
    let lost = messages.sent.saturating_sub(messages.verified) + messages.unsent;
    // An error may lose many messages, or none.
    let (failed, what) = match report.errors.total() {
        errors if errors > lost => (errors, "errors on"),
        _ => (lost, "lost of"),
    };
    let share = ratio(failed, due);
    let (percent, failed, due) =
        (formatting::percent(share), formatting::count(failed), formatting::count(due));
    Ok((share, format!("{percent}: {failed} {what} {due} messages")))
}

/// Returns the number of messages that should have come back.
///
/// # Errors
/// A sentence if there is none.
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
        return Err("there is no requested rate, because the loop is closed".to_owned());
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
