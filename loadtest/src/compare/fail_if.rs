//! The conditions of `--fail-if`, under which a comparison fails.

use std::fmt;
use std::str::FromStr;

use super::metric::Metric;
use super::report::{Comparison, Condition, Difference};
use crate::report::objective::{Relation, number, split};
use crate::statistics::MIN_PAIRS;

/// A condition on a ratio b/a, such as `p99>1.05`.
#[derive(Debug, Clone, PartialEq)]
pub struct FailIf {
    /// The condition, as it was given.
    text: String,
    metric: Metric,
    relation: Relation,
    ratio: f64,
}

impl FailIf {
    /// Judges the condition. It holds if a difference is shown and its ratio is beyond the given one.
    #[must_use]
    pub fn judge(&self, comparisons: &[Comparison]) -> Condition {
        let found = comparisons.iter().find(|comparison| comparison.metric == self.metric);
        let (measured, judged, broken) = match found {
            Some(Comparison { ratio: Some(ratio), rounds, difference, conclusion, .. }) => {
                let is_shown = matches!(difference, Difference::Lower | Difference::Higher);
                let broken = is_shown && self.relation.holds(*ratio, self.ratio);
                let judged = *rounds as usize >= MIN_PAIRS;
                (format!("{ratio:.3}: {conclusion}"), judged, broken)
            }
            Some(Comparison { conclusion, .. }) => (conclusion.clone(), false, false),
            None => ("it was not compared".to_owned(), false, false),
        };
        Condition { text: self.text.clone(), measured, judged, broken }
    }
}

impl FromStr for FailIf {
    type Err = String;

    /// # Errors
    /// A sentence for the user when the text is no such condition.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let form = "expected a metric, a comparison and a ratio b/a, such as p99>1.05 or \
                    throughput<0.95";
        let (name, relation, ratio) = split(text).ok_or(form)?;
        let metric = name.parse()?;
        let ratio = number(ratio).filter(|ratio| *ratio > 0.0).ok_or(form)?;
        // Such a range contains 1, the ratio of equal servers.
        if relation.is_upper_limit() && ratio > 1.0 {
            return Err(
                "a limit above 1 needs > or >=, because equal servers have the ratio 1".to_owned()
            );
        }
        if !relation.is_upper_limit() && ratio < 1.0 {
            return Err(
                "a limit below 1 needs < or <=, because equal servers have the ratio 1".to_owned()
            );
        }
        Ok(Self { text: text.to_owned(), metric, relation, ratio })
    }
}

impl fmt::Display for FailIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
