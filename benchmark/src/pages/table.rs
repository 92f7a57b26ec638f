//! Results as Markdown; pure.

use std::fmt::Write;

use echo_loadtest::compare::CompareReport;
use echo_loadtest::human;
use echo_loadtest::run_report::VerdictKind;

use crate::findings::bar::Judged;
use crate::findings::finding::{Finding, Named, Unfit};
use crate::findings::metric;
use crate::pages::markdown::one_line;
use crate::results::flags;
use crate::results::kept::{Kept, rank};
use crate::results::raw::{Context, Outcome, Raw};
use crate::workload::{Means, Setting, Workload};

/// A figure that is not there.
const NONE: &str = "–";

/// Everything of a section but its plots' files.
pub(crate) fn section(kept: &Kept, workloads: &[&Workload]) -> String {
    let parts: Vec<String> = workloads.iter().map(|workload| one(kept, workload)).collect();
    parts.join("\n\n")
}

fn one(kept: &Kept, workload: &Workload) -> String {
    let (name, title, flags) = (workload.name(), workload.title, flags_in_words(workload));
    let more = rate_and_length(kept, workload);
    let mut text = format!("**{name}: {title}.** {flags}{more}");
    if !workload.bars.is_empty() {
        text.push('\n');
    }
    for (bar, Judged { judgement, measured }) in judged(kept, workload) {
        let _ = write!(text, "\n- {bar}: **{}**; {measured}", judgement.name());
    }
    let mut is_measured = false;
    for setting in &Setting::ALL {
        let results = kept.of(*setting, workload);
        if !results.is_empty() {
            is_measured = true;
            let table = match says_nothing(*setting, workload, &results) {
                true => limited(*setting, workload, results.len()),
                false => table(kept, *setting, workload, &results),
            };
            let _ = write!(text, "\n\n{table}");
        }
    }
    if !is_measured {
        text.push_str("\n\nNot measured yet.");
    }
    text
}

fn flags_in_words(workload: &Workload) -> String {
    let ours = match workload.ours {
        "" => String::new(),
        flags => format!(" Our server has `{flags}`."),
    };
    match workload.load {
        "" => ours.trim_start().to_owned(),
        flags => {
            let words: Vec<&str> = flags.split_whitespace().collect();
            format!("`loadtest compare … {}`.{ours}", words.join(" "))
        }
    }
}

/// What half of another workload's rate came to, and whether rounds are longer.
fn rate_and_length(kept: &Kept, workload: &Workload) -> String {
    let rate = |raw: &&Raw| match &raw.outcome {
        Outcome::Compared(report) => report.load.rate,
        Outcome::Idle(_) | Outcome::Failed(_) => None,
    };
    let mut text = String::new();
    if let Means::HalfTheRateOf(_) = workload.means {
        for setting in Setting::ALL {
            if let Some(rate) = kept.of(setting, workload).iter().find_map(rate) {
                let _ = write!(text, " That is `--rate {rate}`, {}.", setting.title());
            }
        }
    }
    if workload.rounds_last > 1 {
        let _ = write!(text, " Rounds are {} times as long as elsewhere.", workload.rounds_last);
    }
    text
}

/// Each bar of a workload in words, and what became of it.
pub(crate) fn judged(kept: &Kept, workload: &Workload) -> Vec<(String, Judged)> {
    let judge = |bar: &crate::findings::bar::Bar| {
        let findings = kept.findings(Setting::Pinned, workload, bar.metric);
        (bar.text(), bar.judge(&findings))
    };
    workload.bars.iter().map(judge).collect()
}

/// Where the results of a workload are, from the page.
fn results_path(setting: Setting, workload: &Workload) -> String {
    format!("performance/raw/{}/{}", setting.name(), workload.name())
}

/// Where the plot of a workload is, from the page.
pub(crate) fn plot_path(setting: Setting, workload: &Workload) -> String {
    format!("performance/plots/{}-{}.svg", workload.name(), setting.name())
}

/// Whether nothing in a table is ranked, and no bar rests on it.
fn says_nothing(setting: Setting, workload: &Workload, results: &[&Raw]) -> bool {
    let is_judged = setting == Setting::Pinned && !workload.bars.is_empty();
    let mut findings = results.iter().flat_map(|raw| {
        workload.metrics.iter().map(move |name| flags::finding(raw, workload, name))
    });
    !is_judged && findings.all(|finding| finding.unfit == Some(Unfit::Limited(None)))
}

/// In the place of such a table.
fn limited(setting: Setting, workload: &Workload, count: usize) -> String {
    let (title, path) = (setting.title(), results_path(setting, workload));
    format!(
        "*{title}*: the load tester was the limit in all comparisons ({count}); their figures are in \
         [{path}]({path})."
    )
}

fn table(kept: &Kept, setting: Setting, workload: &Workload, results: &[&Raw]) -> String {
    let first = workload.metrics[0];
    let mut ranked = kept.findings(setting, workload, first);
    rank(first, &mut ranked);
    let heads = workload.metrics.iter().map(|name| {
        let title = metric::title(name);
        format!(" {title}, peer → ours | ours/peer |")
    });
    let mut text = format!("*{}*\n\n| peer |", setting.title());
    text.extend(heads);
    text.push_str(" rounds | |\n|---|");
    text.extend(workload.metrics.iter().map(|_| "--:|--:|"));
    text.push_str("--:|---|");
    for Named { peer, finding, .. } in &ranked {
        if let Some(raw) = results.iter().find(|raw| raw.peer == *peer) {
            let _ = write!(text, "\n{}", row(raw, workload, finding.rounds));
        }
    }
    if ranked.iter().any(Named::is_ranked) {
        let (title, path) = (metric::title(first), plot_path(setting, workload));
        let _ = write!(text, "\n\n![{title}, ours/peer, {}]({path})", setting.title());
    }
    text
}

fn row(raw: &Raw, workload: &Workload, rounds: usize) -> String {
    let mut row = format!("| {} |", raw.peer);
    for name in workload.metrics {
        let finding = flags::finding(raw, workload, name);
        let _ = write!(row, " {} | {} |", values(name, &finding), ratio(&finding));
    }
    let _ = write!(row, " {rounds} | {} |", notes(raw, workload));
    row
}

fn values(name: &str, finding: &Finding) -> String {
    match (finding.theirs, finding.ours) {
        (Some(theirs), Some(ours)) => format!("{} → {}", theirs.show(name), ours.show(name)),
        (_, _) => NONE.to_owned(),
    }
}

fn ratio(finding: &Finding) -> String {
    match (&finding.unfit, finding.estimate) {
        (Some(unfit), _) => unfit.to_string(),
        (None, None) => NONE.to_owned(),
        (None, Some(estimate)) => {
            let ratio = match estimate.is_significant() {
                true => format!("**{:.3}**", estimate.ratio),
                false => format!("{:.3}", estimate.ratio),
            };
            let bounds = estimate.interval.map(|(low, high)| format!(" [{low:.3} .. {high:.3}]"));
            ratio + &bounds.unwrap_or_default()
        }
    }
}

/// What a reader has to know before believing a row.
fn notes(raw: &Raw, workload: &Workload) -> String {
    let mut notes = vec![];
    match &raw.outcome {
        Outcome::Failed(failure) => notes.push(one_line(&failure.why)),
        Outcome::Compared(report) => notes.extend(troubles(report)),
        Outcome::Idle(_) => {}
    }
    if let Some(doubt) = flags::doubt(workload, raw) {
        notes.push(format!("measured with {doubt}"));
    }
    if raw.context.is_disturbed() {
        let Context { others_cpus, stolen_cpus, .. } = raw.context;
        notes.push(format!("disturbed: {:.2} CPUs were others'", others_cpus + stolen_cpus));
    }
    notes.join("; ")
}

/// What went wrong, and why rounds are missing. That the load tester was the limit stands with the
/// figures.
fn troubles(report: &CompareReport) -> Vec<String> {
    let mut troubles = vec![];
    if report.errors() > 0 {
        troubles.push(human::counted(report.errors(), "error"));
    }
    let has_stopped = report.rounds.len() < report.rounds_asked as usize;
    if has_stopped || report.verdict.kind == VerdictKind::Incomplete {
        troubles.extend(report.verdict.reasons.iter().map(|reason| one_line(reason)));
    }
    troubles
}

/// All bars, and what became of each.
pub(crate) fn bars(kept: &Kept, workloads: &[Workload]) -> String {
    let mut text = "| | bar | | measured |\n|---|---|---|---|".to_owned();
    for workload in workloads {
        for (bar, Judged { judgement, measured }) in judged(kept, workload) {
            let (name, word) = (workload.name(), judgement.name());
            let _ = write!(text, "\n| {name} | {bar} | **{word}** | {} |", one_line(&measured));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use echo_loadtest::compare::Side;

    use super::*;
    use crate::pages::markdown::expect;
    use crate::results::raw::Failure;
    use crate::results::sample;
    use crate::workload;

    fn workload(name: &str) -> &'static Workload {
        workload::ALL.iter().find(|workload| workload.name() == name).unwrap()
    }

    #[test]
    fn a_section_has_flags_bars_and_a_table_by_strength() {
        let kept = Kept::new(
            vec![
                sample::raw("W2", "bare epoll", VerdictKind::Valid),
                sample::raw("W2", "Go", VerdictKind::GeneratorLimited),
            ],
            vec![],
        );
        let text = section(&kept, &[workload("W2")]);
        expect(
            &text,
            &[
                "**W2: 50 connections",
                "`loadtest compare … --connections 50 --size 128`.",
                "- CPU per message at most 1.00 × bare epoll: **met**; 0.9",
                "*one worker, pinned*",
                "| bare epoll | 5.00 µs ±0.0 % → 4.5",
                " % | ",
                "| **0.9",
                "generator-limited",
                "![CPU per message, ours/peer, one worker, pinned](performance/plots/W2-pinned.svg)",
            ],
        );
        assert!(!text.contains("two workers"), "{text}");
    }

    #[test]
    fn a_table_in_which_nothing_is_ranked_is_a_sentence_unless_a_bar_rests_on_it() {
        let raw = |setting, peer: &str, kind| sample::raw_in(setting, "W10", peer, kind);
        let limited = raw(Setting::Unpinned, "Go", VerdictKind::GeneratorLimited);
        let text = |raws: &[&Raw]| {
            let raws = raws.iter().map(|raw| (*raw).clone()).collect();
            section(&Kept::new(raws, vec![]), &[workload("W10")])
        };
        let folded = text(&[&limited]);
        expect(&folded, &["all comparisons (1); ", "](performance/raw/unpinned/W10)."]);
        assert!(!folded.contains("| Go |"), "{folded}");
        let ranked = raw(Setting::Unpinned, "Node", VerdictKind::Valid);
        expect(&text(&[&limited, &ranked]), &["| Go |", "| Node |"]);
        let judged = raw(Setting::Pinned, "Go", VerdictKind::GeneratorLimited);
        expect(&text(&[&judged]), &["| Go |"]);
    }

    #[test]
    fn a_bound_is_shown_unless_it_is_of_other_flags() {
        let mut raw = sample::raw("W2", "Node", VerdictKind::GeneratorLimited);
        let Outcome::Compared(report) = &mut raw.outcome else { unreachable!() };
        report.load.rate = None;
        report.rounds.iter_mut().for_each(|round| round.a.verdict.kind = VerdictKind::Valid);
        let text = |raw: &Raw| section(&Kept::new(vec![raw.clone()], vec![]), &[workload("W2")]);
        expect(&text(&raw), &["/s ±", "| ≥ 1.", "generator-limited |"]);
        let Outcome::Compared(report) = &mut raw.outcome else { unreachable!() };
        report.command.extend(["--depth", "2"].map(str::to_owned));
        assert!(!text(&raw).contains('≥'));
    }

    #[test]
    fn what_is_not_measured_has_failed_or_was_disturbed_is_said() {
        expect(&section(&Kept::default(), &[workload("W4")]), &["Not measured yet.", "not judged"]);
        let mut failed = sample::raw("W4", "Go", VerdictKind::Valid);
        let why = "warm up a: no | luck\nat all".to_owned();
        failed.outcome = Outcome::Failed(Failure { side: Some(Side::A), why });
        failed.context.others_cpus = 0.4;
        let text = section(&Kept::new(vec![failed], vec![]), &[workload("W4")]);
        expect(
            &text,
            &["| Go | – | failed |", "| warm up a: no / luck at all; disturbed: 0.40 CPUs"],
        );
        assert!(!text.contains("!["), "{text}");
    }

    #[test]
    fn what_was_measured_with_other_flags_is_shown_and_not_judged() {
        let mut raw = sample::raw("W2", "bare epoll", VerdictKind::Valid);
        if let Outcome::Compared(report) = &mut raw.outcome {
            report.command.extend(["--depth", "2"].map(str::to_owned));
        }
        let text = section(&Kept::new(vec![raw], vec![]), &[workload("W2")]);
        expect(
            &text,
            &[
                "× bare epoll: **not judged**; other flags",
                "| bare epoll | 5.00 µs ±0.0 % → 4.5",
                "| other flags | 10 | measured with other flags |",
            ],
        );
        assert!(!text.contains("!["), "{text}");
    }

    #[test]
    fn a_comparison_that_was_not_finished_says_so() {
        let mut report = sample::report(10, VerdictKind::Valid);
        report.rounds.truncate(7);
        report.rounds[0].a.errors = 1;
        report.verdict.kind = VerdictKind::Incomplete;
        report.verdict.reasons = vec!["7 of 10 rounds count".into(), "stopped in round 8".into()];
        let troubles = troubles(&report);
        assert_eq!(troubles, ["1 error", "7 of 10 rounds count", "stopped in round 8"]);
    }
}
