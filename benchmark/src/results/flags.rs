//! Whether a result was measured with the flags that its workload has now, and with the peer as it is
//! now: it is these that the page shows. Pure.

use crate::findings::finding::{Finding, Unfit};
use crate::results::raw::{Outcome, Raw};
use crate::workload::{Means, Workload};

/// What a result says about a metric of its workload: when there is a doubt, nothing that could be
/// ranked.
pub(crate) fn finding(raw: &Raw, workload: &Workload, name: &str) -> Finding {
    let finding = Finding::new(&raw.outcome, name);
    match doubt(workload, raw) {
        None => finding,
        Some(doubt) => {
            Finding { estimate: None, unfit: Some(Unfit::Unknown(doubt.to_owned())), ..finding }
        }
    }
}

/// What it was measured with that is no more, if anything.
pub(crate) fn doubt(workload: &Workload, raw: &Raw) -> Option<&'static str> {
    if raw.is_outdated {
        return Some("an older peer");
    }
    (!are_of(workload, raw)).then_some("other flags")
}

/// Whether a result has the flags of a workload, for the load tester and for our server. Where no
/// report is kept nobody can tell, and it counts as one that has.
pub(crate) fn are_of(workload: &Workload, raw: &Raw) -> bool {
    let Outcome::Compared(report) = &raw.outcome else { return true };
    // Before them stands how much was measured.
    let load = after("--warmup", report.command.iter().map(String::as_str));
    let load = match (workload.means, load.as_slice()) {
        // What half of a rate came to is no flag of the workload.
        (Means::HalfTheRateOf(_), [load @ .., "--rate", _]) => load,
        (Means::HalfTheRateOf(_) | Means::Load | Means::Idle, load) => load,
    };
    let ours = after("--num-workers", report.b.split_whitespace());
    load == workload.flags(raw.setting) && ours.into_iter().eq(workload.ours.split_whitespace())
}

/// The words after a flag and its value.
fn after<'a>(flag: &str, words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    words.skip_while(|word| *word != flag).skip(2).collect()
}

#[cfg(test)]
mod tests {
    use echo_loadtest::compare::CompareReport;
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::results::raw::Failure;
    use crate::results::sample;
    use crate::workload::{ALL, Setting};

    /// Whether a result of a workload still counts as one after a change.
    fn counts(name: &str, change: impl FnOnce(&mut CompareReport)) -> bool {
        let workload = ALL.iter().find(|workload| workload.name() == name).unwrap();
        let mut raw = sample::raw(name, "Go", VerdictKind::Valid);
        if let Outcome::Compared(report) = &mut raw.outcome {
            change(report);
        }
        are_of(workload, &raw)
    }

    fn add(words: &[&str]) -> impl FnOnce(&mut CompareReport) {
        move |report| report.command.extend(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn every_workload_knows_its_own_flags_in_each_setting() {
        for workload in ALL {
            for setting in Setting::ALL {
                let name = workload.name();
                let raw = sample::raw_in(setting, &name, "Go", VerdictKind::Valid);
                assert!(are_of(workload, &raw), "{name}");
            }
        }
    }

    #[test]
    fn a_flag_more_or_less_or_with_another_value_is_noticed() {
        assert!(!counts("W2", add(&["--depth", "2"])));
        assert!(!counts("W2", |report| report.command.insert(2, "--busy-poll".to_owned())));
        assert!(!counts("W9-ping-pong", |report| drop(report.command.pop())));
        assert!(!counts("W4", |report| *report.command.last_mut().unwrap() = "31".to_owned()));
        assert!(!counts("W2", |report| report.b.push_str(" --busy-poll 50us")));
        assert!(!counts("W1-busy-poll", |report| report.b.truncate(report.b.len() - 1)));
    }

    #[test]
    fn a_rate_belongs_to_the_workload_unless_it_follows_from_another() {
        assert!(counts("W8-half", add(&["--rate", "151000"])));
        assert!(!counts("W2", add(&["--rate", "151000"])));
        assert!(!counts("W8-half", add(&["--rate", "151000", "--depth", "2"])));
    }

    #[test]
    fn how_much_was_measured_and_by_whom_are_no_flags_of_a_workload() {
        assert!(counts("W2", |report| {
            let before = ["x/loadtest", "--rounds", "9"].map(str::to_owned);
            report.command = [&before[..], &report.command].concat();
            report.b.insert_str(0, "elsewhere/");
        }));
    }

    #[test]
    fn with_other_flags_figures_stay_and_are_not_ranked() {
        let workload = ALL.iter().find(|workload| workload.name() == "W2").unwrap();
        let raw = sample::raw("W4", "Go", VerdictKind::GeneratorLimited);
        let Finding { ours, estimate, unfit, .. } = finding(&raw, workload, "p99");
        assert_eq!((ours.is_some(), estimate), (true, None));
        assert_eq!(unfit, Some(Unfit::Unknown("other flags".to_owned())));
    }

    #[test]
    fn of_an_older_peer_nothing_is_ranked_either() {
        let workload = ALL.iter().find(|workload| workload.name() == "W2").unwrap();
        let mut raw = sample::raw("W2", "Go", VerdictKind::Valid);
        raw.is_outdated = true;
        let Finding { ours, estimate, unfit, .. } = finding(&raw, workload, "p99");
        assert_eq!((ours.is_some(), estimate), (true, None));
        assert_eq!(unfit, Some(Unfit::Unknown("an older peer".to_owned())));
    }

    #[test]
    fn of_a_failure_nobody_can_tell() {
        let mut raw = sample::raw("W4", "Go", VerdictKind::Valid);
        raw.outcome = Outcome::Failed(Failure { side: None, why: "no luck".to_owned() });
        assert!(ALL.iter().all(|workload| are_of(workload, &raw)));
    }
}
