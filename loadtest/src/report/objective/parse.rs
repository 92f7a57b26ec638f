//! Parses the text of an objective.

use echo_common::units;

use super::{Amount, Bound, Percentile, Relation, Slo, Statistic, Times};
use crate::report::distribution::MAX_NS;

/// Maximum number of digits after the point of a percentile.
const MAX_DECIMALS: usize = 9;

const FORM: &str = "expected a figure, a comparison and a limit, such as p99<2ms, max<=1s, \
                    connect.p99<10ms, errors<0.1% or rate>=0.99";

/// Parses an objective.
pub(super) fn slo(text: &str) -> Result<Slo, String> {
    let text = text.trim();
    let (name, relation, limit) = split(text).ok_or(FORM)?;
    let bound = match name {
        "errors" => Bound::Errors(errors(limit)?),
        "rate" => Bound::Rate(rate(limit)?),
        _ => {
            let (times, statistic) = figure(name)?;
            Bound::Time(times, statistic, duration(limit)?)
        }
    };
    let right = matches!(bound, Bound::Rate(_)) != relation.is_upper_limit();
    if !right {
        let (kind, operators) = match bound {
            Bound::Rate(_) => ("a lower", "> or >="),
            Bound::Time(..) | Bound::Errors(_) => ("an upper", "< or <="),
        };
        return Err(format!("{name} has {kind} limit: expected {operators}"));
    }
    Ok(Slo { text: text.to_owned(), bound, relation })
}

/// Splits `name<limit` into the name, the comparison and the limit. Returns `None` if there is no
/// comparison.
pub(crate) fn split(text: &str) -> Option<(&str, Relation, &str)> {
    let (name, rest) = text.split_at(text.find(['<', '>'])?);
    let (relation, limit) = [
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("<", Relation::Below),
        (">", Relation::Above),
    ]
    .into_iter()
    .find_map(|(sign, relation)| Some((relation, rest.strip_prefix(sign)?)))?;
    Some((name.trim(), relation, limit.trim()))
}

fn figure(name: &str) -> Result<(Times, Statistic), String> {
    let (times, statistic) = match name.split_once('.') {
        Some(("connect", rest)) => (Times::Connect, rest),
        Some(("service", rest)) => (Times::Service, rest),
        // Here the point is that of p99.9.
        _ => (Times::Latency, name),
    };
    let statistic = match statistic {
        "mean" => Statistic::Mean,
        "max" => Statistic::Max,
        other => Statistic::Percentile(percentile(other).ok_or_else(|| {
            format!(
                "no figure is called {name:?}: expected a percentile from p0 to p100 such as \
                     p99.9, mean, max, one of these after connect. or service., errors or rate"
            )
        })?),
    };
    Ok((times, statistic))
}

fn percentile(text: &str) -> Option<Percentile> {
    let number = text.strip_prefix('p')?;
    let (whole, decimals) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (number, ""),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.is_empty() && are_digits(whole) && are_digits(decimals);
    if !is_number || whole.len() > 3 || decimals.len() > MAX_DECIMALS {
        return None;
    }
    let numerator = format!("{whole}{decimals}").parse().ok()?;
    let denominator = 100 * 10_u64.pow(u32::try_from(decimals.len()).ok()?);
    (numerator <= denominator).then_some(Percentile { numerator, denominator })
}

fn duration(text: &str) -> Result<f64, String> {
    let limit = units::positive_duration(text)?;
    if limit.as_nanos() > u128::from(MAX_NS) {
        return Err(
            "must not be longer than 60s, because longer times are not distinguished".to_owned()
        );
    }
    Ok(limit.as_nanos() as f64)
}

fn errors(text: &str) -> Result<Amount, String> {
    let wrong = || "expected a count such as 5, or a share of the messages such as 0.1%".to_owned();
    if let Some(share) = percent(text) {
        return share.map(Amount::Share).ok_or_else(wrong);
    }
    let count: u32 = text.parse().map_err(|_| wrong())?;
    Ok(Amount::Absolute(count.into()))
}

fn rate(text: &str) -> Result<Amount, String> {
    let wrong = || {
        "expected a share of the requested rate such as 0.99 or 99%, or messages per second such as 50000"
            .to_owned()
    };
    if let Some(share) = percent(text) {
        return share.map(Amount::Share).ok_or_else(wrong);
    }
    match number(text).ok_or_else(wrong)? {
        share if share <= 1.0 => Ok(Amount::Share(share)),
        rate => Ok(Amount::Absolute(rate)),
    }
}

/// Parses a text with a percent sign as a share. Returns `None` without the sign, and `Some(None)` if
/// the share is not between 0 and 1.
fn percent(text: &str) -> Option<Option<f64>> {
    let number_text = text.strip_suffix('%')?;
    Some(number(number_text.trim()).map(|percent| percent / 100.0).filter(|share| *share <= 1.0))
}

/// Parses a number that is finite, not negative and written in digits.
pub(crate) fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
}
