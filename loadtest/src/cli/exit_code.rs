//! The exit code that a report stands for.

use echo_common::command_line::exit;
use echo_loadtest::run_report::{RunReport, VerdictKind};

/// The verdict is not VALID.
pub(crate) const EXIT_NOT_VALID: u8 = 3;

/// An objective was broken.
pub(crate) const EXIT_OBJECTIVE: u8 = 99;

/// Returns the exit code of a run. If several apply, errors come before a verdict that is not VALID, and
/// that comes before a broken objective.
pub(crate) fn of(report: &RunReport) -> u8 {
    let errors = report.errors;
    let wrong_bytes = errors.corrupt > 0 || errors.short > 0 || errors.closed_early > 0;
    let failed = wrong_bytes || (errors.total() > 0 && !errors_have_objective(report));
    let broken = report.objectives.iter().any(|objective| !objective.met);
    if report.interrupted {
        exit::INTERRUPTED
    } else if failed {
        exit::FAILED
    } else if report.verdict.kind != VerdictKind::Valid {
        EXIT_NOT_VALID
    } else if broken {
        EXIT_OBJECTIVE
    } else {
        exit::OK
    }
}

/// Returns whether an objective says how many errors are acceptable.
fn errors_have_objective(report: &RunReport) -> bool {
    report.objectives.iter().any(|objective| objective.text.trim_start().starts_with("errors"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use echo_loadtest::json;
    use echo_loadtest::run_report::{Errors, Objective};

    use super::*;

    /// Returns the kept example without its errors.
    fn report() -> RunReport {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/run.example.json");
        RunReport { errors: Errors::default(), ..json::read(&path).unwrap() }
    }

    #[track_caller]
    fn check(code: u8, change: impl FnOnce(&mut RunReport)) {
        let mut report = report();
        change(&mut report);
        assert_eq!(of(&report), code);
    }

    fn objective(text: &str, met: bool) -> Objective {
        Objective { text: text.to_owned(), measured: String::new(), met }
    }

    #[test]
    fn every_outcome_has_its_code() {
        check(exit::OK, |_| ());
        check(exit::FAILED, |report| report.errors.corrupt = 1);
        check(exit::FAILED, |report| report.errors.timeout = 1);
        check(EXIT_NOT_VALID, |report| report.verdict.kind = VerdictKind::GeneratorLimited);
        check(EXIT_NOT_VALID, |report| report.verdict.kind = VerdictKind::Incomplete);
        check(EXIT_OBJECTIVE, |report| report.objectives.push(objective("p50<1ns", false)));
        check(exit::INTERRUPTED, |report| report.interrupted = true);
    }

    #[test]
    fn errors_outdo_the_verdict_and_the_verdict_outdoes_objectives() {
        let worst = |report: &mut RunReport| {
            report.verdict.kind = VerdictKind::Incomplete;
            report.objectives.push(objective("p50<1ns", false));
        };
        check(EXIT_NOT_VALID, worst);
        for kind in [
            (|errors| errors.corrupt = 1) as fn(&mut Errors),
            |errors| errors.short = 1,
            |errors| errors.closed_early = 1,
            |errors| errors.refused = 1,
        ] {
            check(exit::FAILED, |report| {
                worst(report);
                kind(&mut report.errors);
            });
        }
    }

    #[test]
    fn errors_within_their_objective_are_fine_but_wrong_bytes_never_are() {
        let allowed = |report: &mut RunReport| {
            report.objectives.push(objective("errors<1%", true));
            report.errors.timeout = 1;
        };
        check(exit::OK, allowed);
        check(exit::FAILED, |report| {
            allowed(report);
            report.errors.corrupt = 1;
        });
    }
}
