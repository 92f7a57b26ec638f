//! Where, when, with what and against whom it was measured, as Markdown; pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use echo_loadtest::human;

use crate::pages::markdown::one_line;
use crate::results::kept::Kept;
use crate::results::raw::{Context, State};

/// Of all that is kept.
pub(crate) fn text(kept: &Kept) -> String {
    if kept.results.is_empty() {
        return "Nothing is measured yet.".to_owned();
    }
    format!("{}\n\n{}", machines(kept), peers(kept))
}

fn machines(kept: &Kept) -> String {
    let mut facts: BTreeMap<String, u64> = BTreeMap::new();
    for context in contexts(kept) {
        *facts.entry(fact(context)).or_default() += 1;
    }
    let share = |count: &u64| match facts.len() {
        1 => String::new(),
        _ => format!(": {}", human::counted(*count, "comparison")),
    };
    let lines: Vec<String> =
        facts.iter().map(|(fact, count)| format!("- {fact}{}", share(count))).collect();
    let disturbed = contexts(kept).filter(|context| context.is_disturbed()).count();
    format!(
        "{}\n\n{}; beside {disturbed} of them others kept the machine busy.",
        lines.join("\n"),
        human::counted(kept.results.len() as u64, "comparison"),
    )
}

/// When, where and of what.
fn fact(Context { machine, started_at, rustc, commit, .. }: &Context) -> String {
    let day = started_at.split('T').next().unwrap_or_default();
    format!(
        "{day}: {}, {} CPUs, {} GiB, {}, kernel {}; {rustc}; commit {commit}",
        machine.cpu.trim(),
        machine.cpus,
        machine.memory_bytes >> 30,
        machine.system.trim(),
        machine.kernel,
    )
}

fn contexts(kept: &Kept) -> impl Iterator<Item = &Context> {
    kept.results.iter().map(|raw| &raw.context)
}

fn peers(kept: &Kept) -> String {
    let mut text = "| peer | version | started as |\n|---|---|---|".to_owned();
    for entry in &kept.peers {
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
    use crate::pages::markdown::expect;
    use crate::results::raw::Entry;
    use crate::results::sample;

    #[test]
    fn circumstances_name_the_machine_and_the_peers() {
        let entry = |name: &str, state| Entry { name: name.to_owned(), state };
        let kept = Kept::new(
            vec![sample::raw("W2", "Go", VerdictKind::Valid)],
            vec![
                entry(
                    "Go",
                    State::Built { version: "1.25".to_owned(), command: "go {port}".to_owned() },
                ),
                entry("Node", State::Skipped("there is no node".to_owned())),
            ],
        );
        let parts = [
            "commit 1234567\n\n1 comparison; beside 0 of them",
            "| Go | 1.25 | `go {port}` |",
            "skipped: there is no node",
        ];
        expect(&text(&kept), &parts);
        expect(&text(&Kept::default()), &["Nothing is measured yet."]);
    }

    #[test]
    fn where_there_is_more_than_one_commit_each_says_how_much_is_of_it() {
        let of = |commit: &str| {
            let mut raw = sample::raw("W2", "Go", VerdictKind::Valid);
            raw.context.commit = commit.to_owned();
            raw
        };
        let said = text(&Kept::new(vec![of("2"), of("1"), of("2")], vec![]));
        expect(&said, &["commit 1: 1 comparison\n- ", "commit 2: 2 comparisons\n\n3 comparisons;"]);
        let said = text(&Kept::new(vec![of("2"), of("2")], vec![]));
        expect(&said, &["commit 2\n\n2 comparisons;"]);
    }
}
