//! Bars: the limits that we set ourselves, and whether they are met. If an interval spans the limit, the
//! bar is neither met nor missed.

use echo_loadtest::statistics::MIN_PAIRS;

use super::finding::{Bound, Named, Unfit};
use super::metric;

/// A limit for one of our figures, or for its ratio to a peer's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) metric: &'static str,
    pub(crate) against: Against,
    pub(crate) limit: Limit,
    /// Why the bar is missed, for the day it is. `None` if nobody knows.
    pub(crate) why_missed: Option<&'static str>,
}

/// What the limit applies to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Against {
    /// The ratio of our figure to this peer's figure.
    Peer(&'static str),
    /// The ratio to the figure of every peer, and so to the best peer.
    EveryPeer,
    /// Our figure itself in every round, in nanoseconds or bytes.
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    /// Met unless the whole interval is above the limit.
    NotShownAbove(f64),
    AtLeast(f64),
}

/// The judgement of a bar, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgement {
    Met,
    /// The interval spans the limit. For a bar on our own figure: some rounds are within the limit,
    /// others are not.
    NotSeparable,
    /// Too few rounds count, or the load tester may have been the limit.
    NotJudged,
    Missed,
}

/// A judgement with the figures that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) judgement: Judgement,
    pub(crate) measured: String,
}

impl Judgement {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotSeparable => "not separable",
            Self::NotJudged => "not judged",
            Self::Missed => "missed",
        }
    }
}

impl Limit {
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::AtMost(value) | Self::NotShownAbove(value) | Self::AtLeast(value) => value,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::AtMost(_) => "at most",
            Self::NotShownAbove(_) => "not shown to be above",
            Self::AtLeast(_) => "at least",
        }
    }

    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) | Self::NotShownAbove(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    /// Returns whether the figure must stay below the limit.
    fn is_upper(self) -> bool {
        match self {
            Self::AtMost(_) | Self::NotShownAbove(_) => true,
            Self::AtLeast(_) => false,
        }
    }

    /// Judges an interval: met if the whole interval is within the limit, missed if none of it is.
    fn judge(self, low: f64, high: f64) -> Judgement {
        match (self.holds(low), self.holds(high)) {
            (true, true) => Judgement::Met,
            (true, false) if matches!(self, Self::NotShownAbove(_)) => Judgement::Met,
            (false, false) => Judgement::Missed,
            (true, false) | (false, true) => Judgement::NotSeparable,
        }
    }

    /// Orders two figures so that the worse one is greater.
    fn worst(self, left: f64, right: f64) -> std::cmp::Ordering {
        match self {
            Self::AtMost(_) | Self::NotShownAbove(_) => left.total_cmp(&right),
            Self::AtLeast(_) => right.total_cmp(&left),
        }
    }
}

impl Bar {
    pub(crate) const fn new(metric: &'static str, against: Against, limit: Limit) -> Self {
        Self { metric, against, limit, why_missed: None }
    }

    /// Adds the reason why the bar is missed.
    pub(crate) const fn missed_because(self, why: &'static str) -> Self {
        Self { why_missed: Some(why), ..self }
    }

    /// Returns the bar in words.
    pub(crate) fn text(&self) -> String {
        let (title, words, limit) =
            (metric::title(self.metric), self.limit.words(), self.limit.value());
        match self.against {
            Against::Peer(peer) => format!("{title} {words} {limit:.2} × {peer}"),
            Against::EveryPeer => format!("{title} {words} {limit:.2} × the best peer"),
            Against::Nobody => {
                format!("{title} {words} {} in every round", metric::show(self.metric, limit))
            }
        }
    }

    /// Judges the bar. Each finding must be about the bar's metric.
    pub(crate) fn judge(&self, findings: &[Named]) -> Judged {
        match self.against {
            Against::Nobody => self.judge_ours(findings),
            Against::Peer(peer) => {
                let found = findings.iter().find(|named| named.peer == peer);
                found.map_or_else(|| not_judged("not measured"), |named| self.judge_ratio(named))
            }
            Against::EveryPeer => self.judge_all(findings),
        }
    }

    fn judge_ratio(&self, Named { peer, finding, is_disturbed }: &Named) -> Judged {
        match &finding.unfit {
            Some(Unfit::Limited(Some(bound))) => {
                return self.judge_bound(*bound, peer, disturbed(*is_disturbed));
            }
            Some(unfit) => return not_judged(unfit.words()),
            None => {}
        }
        let interval = finding.estimate.and_then(|estimate| Some((estimate, estimate.interval?)));
        match interval {
            Some((estimate, (low, high))) if finding.rounds >= MIN_PAIRS => Judged {
                judgement: self.limit.judge(low, high),
                measured: format!(
                    "{:.3} [{low:.3} .. {high:.3}] × {peer}{}",
                    estimate.ratio,
                    disturbed(*is_disturbed),
                ),
            },
            Some(_) | None => not_judged(&format!("it takes at least {MIN_PAIRS} rounds")),
        }
    }

    /// Judges a ratio of which only a bound is known. It decides if every possible ratio is on one side
    /// of the limit.
    fn judge_bound(&self, bound: Bound, peer: &str, disturbed: &str) -> Judged {
        let judgement = match bound {
            Bound::AtLeast(low) => self.limit.judge(low, f64::INFINITY),
            Bound::AtMost(high) => self.limit.judge(0.0, high),
        };
        let judgement = match (judgement, bound) {
            // A lower bound alone cannot show that the ratio is below an upper limit.
            (Judgement::Met, Bound::AtLeast(_)) if self.limit.is_upper() => Judgement::NotJudged,
            (Judgement::NotSeparable, _) => Judgement::NotJudged,
            (decided, _) => decided,
        };
        Judged { judgement, measured: format!("{bound} × {peer}, generator-limited{disturbed}") }
    }

    /// Judges the ratio to every peer, and returns the worst judgement. Peers that failed are left out.
    /// Peers that were too fast for the load tester count as not judged, unless a bound decides.
    fn judge_all(&self, findings: &[Named]) -> Judged {
        let has_failed = |named: &Named| matches!(named.finding.unfit, Some(Unfit::Theirs(_)));
        let fit = findings.iter().filter(|named| named.is_peer() && !has_failed(named));
        let ratio = |named: &Named| match (named.finding.estimate, &named.finding.unfit) {
            (Some(found), _) => found.ratio,
            (None, Some(Unfit::Limited(Some(bound)))) => bound.value(),
            (None, _) => f64::NAN,
        };
        let all = fit.map(|named| (self.judge_ratio(named), ratio(named)));
        let worst = all.max_by(|(left, left_ratio), (right, right_ratio)| {
            let order = left.judgement.cmp(&right.judgement);
            order.then(self.limit.worst(*left_ratio, *right_ratio))
        });
        worst.map_or_else(|| not_judged("not measured"), |(judged, _)| judged)
    }

    /// Judges our own figure in every round. A load tester that is the limit beside our server can only
    /// make our times longer, so such rounds may confirm an upper limit and never refute it. Its speed
    /// beside the peer does not matter.
    fn judge_ours(&self, findings: &[Named]) -> Judged {
        let mut unfit = findings.iter().filter_map(|named| named.finding.unfit.as_ref());
        if let Some(unknown) = unfit.clone().find(|unfit| matches!(unfit, Unfit::Unknown(_))) {
            return not_judged(unknown.words());
        }
        let has_failed = |named: &&Named| matches!(named.finding.unfit, Some(Unfit::Theirs(_)));
        let done =
            || findings.iter().filter(|named| !has_failed(named)).map(|named| &named.finding);
        let mut rounds: Vec<f64> = done().flat_map(|found| &found.our_rounds).copied().collect();
        let limited: Vec<f64> =
            done().flat_map(|found| &found.our_limited_rounds).copied().collect();
        let may_confirm = matches!(self.limit, Limit::AtMost(_)) && metric::is_time(self.metric);
        if may_confirm && limited.iter().all(|value| self.limit.holds(*value)) {
            rounds.extend(limited);
        }
        let disturbed = disturbed(findings.iter().any(|named| named.is_disturbed));
        let judged = self.judge_rounds(&rounds, disturbed);
        judged.unwrap_or_else(|| not_judged(unfit.next().map_or("not measured", Unfit::words)))
    }

    fn judge_rounds(&self, values: &[f64], disturbed: &str) -> Option<Judged> {
        let within = values.iter().filter(|value| self.limit.holds(**value)).count();
        let worst = values.iter().copied().max_by(|left, right| self.limit.worst(*left, *right))?;
        let judgement = match within {
            0 => Judgement::Missed,
            within if within == values.len() => Judgement::Met,
            _ => Judgement::NotSeparable,
        };
        let (worst, rounds) = (metric::show(self.metric, worst), values.len());
        let measured =
            format!("{worst} in the worst round, {within} of {rounds} rounds within{disturbed}");
        Some(Judged { judgement, measured })
    }
}

fn disturbed(is_disturbed: bool) -> &'static str {
    if is_disturbed { ", disturbed" } else { "" }
}

fn not_judged(why: &str) -> Judged {
    Judged { judgement: Judgement::NotJudged, measured: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Finding, ITSELF};
    use super::*;

    const RATIO: Bar = Bar::new("cpu", Against::Peer("peer"), Limit::AtMost(1.0));

    fn named(peer: &str, ratios: &[f64]) -> Named {
        let pairs: Vec<(f64, f64)> = ratios.iter().map(|ratio| (100.0, 100.0 * ratio)).collect();
        Named { peer: peer.to_owned(), finding: Finding::of_pairs(&pairs, 7), is_disturbed: false }
    }

    #[track_caller]
    fn check(bar: Bar, findings: &[Named], judgement: Judgement, part: &str) {
        let judged = bar.judge(findings);
        assert_eq!(judged.judgement, judgement, "{judged:?}");
        assert!(judged.measured.contains(part), "{judged:?}");
    }

    #[test]
    fn a_ratio_is_met_missed_or_not_separable() {
        let spread = |centre: f64| [0.98, 1.02, 0.99, 1.01, 0.98, 1.02].map(|part| part * centre);
        for (centre, limit, judgement) in [
            (0.9, Limit::AtMost(1.0), Judgement::Met),
            (1.1, Limit::AtMost(1.0), Judgement::Missed),
            (1.0, Limit::AtMost(1.0), Judgement::NotSeparable),
            (1.0, Limit::NotShownAbove(1.0), Judgement::Met),
            (1.1, Limit::NotShownAbove(1.0), Judgement::Missed),
            (1.1, Limit::AtLeast(1.0), Judgement::Met),
            (0.9, Limit::AtLeast(1.0), Judgement::Missed),
            (1.0, Limit::AtLeast(1.0), Judgement::NotSeparable),
        ] {
            check(Bar { limit, ..RATIO }, &[named("peer", &spread(centre))], judgement, "× peer");
        }
    }

    #[test]
    fn a_bar_is_not_judged_on_too_few_or_unfit_rounds() {
        check(RATIO, &[], Judgement::NotJudged, "not measured");
        check(RATIO, &[named("other", &[0.5; 6])], Judgement::NotJudged, "not measured");
        check(RATIO, &[named("peer", &[0.5; 5])], Judgement::NotJudged, "6 rounds");
        let mut limited = named("peer", &[0.5; 6]);
        limited.finding.unfit = Some(Unfit::Limited(None));
        check(RATIO, &[limited], Judgement::NotJudged, "generator-limited");
    }

    #[test]
    fn the_best_peer_decides_and_our_own_server_is_not_a_peer() {
        let bar = Bar { against: Against::EveryPeer, ..RATIO };
        let mut findings = vec![named("slow", &[0.5; 6]), named("fast", &[0.8; 6])];
        findings.push(named(ITSELF, &[1.3; 6]));
        check(bar, &findings, Judgement::Met, "0.800 [0.800 .. 0.800] × fast");
        findings.push(named("faster", &[1.2; 6]));
        check(bar, &findings, Judgement::Missed, "× faster");
        findings.pop();
        let mut failed = named("broken", &[]);
        failed.finding.unfit = Some(Unfit::Theirs("failed"));
        findings.push(failed);
        check(bar, &findings, Judgement::Met, "× fast");
        findings[2].finding.unfit = Some(Unfit::Limited(None));
        check(bar, &findings, Judgement::Met, "× fast");
        findings[3].finding.unfit = Some(Unfit::Limited(None));
        check(bar, &findings, Judgement::NotJudged, "generator-limited");
    }

    #[test]
    fn our_own_figure_must_hold_in_every_round() {
        let bar = Bar { against: Against::Nobody, limit: Limit::AtMost(95.0), ..RATIO };
        check(bar, &[named("peer", &[0.9, 0.95])], Judgement::Met, "95 ns in the worst round");
        check(bar, &[named("peer", &[0.9, 0.96])], Judgement::NotSeparable, "1 of 2 rounds");
        check(bar, &[named("peer", &[0.97, 0.96])], Judgement::Missed, "0 of 2 rounds");
        check(bar, &[], Judgement::NotJudged, "not measured");
        let mut findings = [named("peer", &[0.9, 0.95]), named("other", &[2.0])];
        for (unfit, judgement, part) in [
            (Unfit::Limited(None), Judgement::Met, "2 of 2"),
            (Unfit::Theirs("failed"), Judgement::Met, "2 of 2"),
            (Unfit::Unknown("failed".to_owned()), Judgement::NotJudged, "failed"),
        ] {
            findings[1].finding.unfit = Some(unfit);
            let rounds = std::mem::take(&mut findings[1].finding.our_rounds);
            findings[1].finding.our_limited_rounds.extend(rounds);
            check(bar, &findings, judgement, part);
        }
        findings[1].finding.unfit = Some(Unfit::Limited(None));
        check(bar, &findings[1..], Judgement::NotJudged, "generator-limited");
        // This round was not limited by the load tester beside our server.
        findings[1].finding.our_rounds.push(200.0);
        check(bar, &findings, Judgement::NotSeparable, "200 ns in the worst round, 2 of 3");
    }

    fn bounded(peer: &str, bound: Bound) -> Named {
        let mut limited = named(peer, &[]);
        limited.finding.unfit = Some(Unfit::Limited(Some(bound)));
        limited
    }

    #[test]
    fn a_bound_may_decide() {
        for (limit, bound, judgement) in [
            (Limit::AtMost(1.0), Bound::AtMost(0.9), Judgement::Met),
            (Limit::AtMost(1.0), Bound::AtMost(1.1), Judgement::NotJudged),
            (Limit::AtMost(1.0), Bound::AtLeast(0.9), Judgement::NotJudged),
            (Limit::AtMost(1.0), Bound::AtLeast(1.1), Judgement::Missed),
            (Limit::NotShownAbove(1.0), Bound::AtMost(0.9), Judgement::Met),
            (Limit::NotShownAbove(1.0), Bound::AtMost(1.1), Judgement::Met),
            (Limit::NotShownAbove(1.0), Bound::AtLeast(0.9), Judgement::NotJudged),
            (Limit::NotShownAbove(1.0), Bound::AtLeast(1.1), Judgement::Missed),
            (Limit::AtLeast(1.0), Bound::AtLeast(1.1), Judgement::Met),
            (Limit::AtLeast(1.0), Bound::AtLeast(0.9), Judgement::NotJudged),
            (Limit::AtLeast(1.0), Bound::AtMost(0.9), Judgement::Missed),
            (Limit::AtLeast(1.0), Bound::AtMost(1.1), Judgement::NotJudged),
        ] {
            let part = format!("{bound} × peer, generator-limited");
            check(Bar { limit, ..RATIO }, &[bounded("peer", bound)], judgement, &part);
        }
    }

    #[test]
    fn the_best_peer_may_have_only_a_bound() {
        let bar = Bar { against: Against::EveryPeer, ..RATIO };
        let mut findings = vec![named("fast", &[0.8; 6]), bounded("slow", Bound::AtMost(0.5))];
        check(bar, &findings, Judgement::Met, "× fast");
        findings.push(bounded("faster", Bound::AtMost(0.9)));
        check(bar, &findings, Judgement::Met, "≤ 0.900 × faster");
        let bar = Bar { limit: Limit::AtLeast(0.7), ..bar };
        findings.truncate(1);
        findings.push(bounded("slow", Bound::AtLeast(1.5)));
        check(bar, &findings, Judgement::Met, "× fast");
    }

    #[test]
    fn generator_limited_times_confirm_an_upper_limit_and_refute_none() {
        let bar = Bar::new("p99.9", Against::Nobody, Limit::AtMost(95.0));
        let mut findings = [named("peer", &[0.9, 0.94])];
        let finding = &mut findings[0].finding;
        finding.unfit = Some(Unfit::Limited(None));
        finding.our_limited_rounds = std::mem::take(&mut finding.our_rounds);
        check(bar, &findings, Judgement::Met, "94 ns in the worst round, 2 of 2");
        findings[0].finding.our_limited_rounds.push(96.0);
        check(bar, &findings, Judgement::NotJudged, "generator-limited");
        let rate = Bar { metric: "throughput", limit: Limit::AtLeast(1.0), ..bar };
        check(rate, &findings, Judgement::NotJudged, "generator-limited");
    }
}
