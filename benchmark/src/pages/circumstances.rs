//! Where, when and with which peers a run was made, as Markdown.

use std::fmt::Write;

use echo_loadtest::formatting;

use super::markdown::one_line;
use crate::results::{Header, Results, State};

/// Returns a list with the setting, the date, the commit, the machine and the command of a run.
pub(super) fn text(results: &Results) -> String {
    let Header { setting, commit, made_by, rustc, .. } = &results.header;
    let count = formatting::counted(results.comparisons.len() as u64, "comparison");
    let is_disturbed = |found: &&crate::results::Comparison| found.conditions.is_disturbed();
    let disturbed = results.comparisons.iter().filter(is_disturbed).count();
    format!(
        "- Setting: {}.\n\
         - Date and commit: {}, {commit}, {rustc}.\n\
         - Machine: {}.\n\
         - Made by: `{made_by}`.\n\
         - {count}. During {disturbed} of them other processes kept the machine busy.",
        setting.title(),
        date(&results.header),
        machine(&results.header),
    )
}

/// Returns the day on which a run began.
pub(super) fn date(header: &Header) -> &str {
    header.started_at.split('T').next().unwrap_or_default()
}

/// Returns the machine of a run in words.
pub(super) fn machine(Header { machine, .. }: &Header) -> String {
    format!(
        "{}, {} CPUs, {} GiB, {}, kernel {}",
        machine.cpu.trim(),
        machine.cpus,
        machine.memory_bytes >> 30,
        machine.system.trim(),
        machine.kernel,
    )
}

/// Returns the table of peers with their versions and command lines.
pub(super) fn peers(results: &Results) -> String {
    let mut text = "| peer | version | started as |\n|---|---|---|".to_owned();
    for entry in &results.header.peers {
        let (version, command) = match &entry.state {
            State::Built { version, command } => (one_line(version), format!("`{command}`")),
            State::Skipped(why) => (format!("skipped: {}", one_line(why)), String::new()),
        };
        let _ = write!(text, "\n| {} | {version} | {command} |", entry.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::results::Entry;
    use crate::sample;
    use crate::sample::expect;

    #[test]
    fn circumstances_name_the_commit_the_machine_and_the_peers() {
        let mut results = sample::results(vec![sample::comparison("W2", "Go", VerdictKind::Valid)]);
        let built = State::Built { version: "1.25".to_owned(), command: "go {port}".to_owned() };
        let skipped = State::Skipped("there is no node".to_owned());
        results.header.peers = [("Go", built), ("Node", skipped)]
            .map(|(name, state)| Entry { name: name.to_owned(), state })
            .into();
        let parts =
            ["2026-11-26, 1234567, rustc", "\n- 1 comparison. During 0 of them", ", kernel "];
        expect(&text(&results), &parts);
        let rows = ["| Go | 1.25 | `go {port}` |", "skipped: there is no node"];
        expect(&peers(&results), &rows);
    }
}
