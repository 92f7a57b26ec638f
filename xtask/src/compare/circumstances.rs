//! Where, when, with what and against whom it was measured, as Markdown; pure.

use std::fmt::Write;

use super::kept::Kept;
use super::raw::{Context, State};
use super::table::one_line;

/// Of all that is kept.
pub(super) fn text(kept: &Kept) -> String {
    if kept.results.is_empty() {
        return "Nothing is measured yet.".to_owned();
    }
    format!("{}\n\n{}", machines(kept), peers(kept))
}

fn machines(kept: &Kept) -> String {
    let mut facts: Vec<String> = vec![];
    for Context { machine, started_at, rustc, commit, .. } in contexts(kept) {
        let (day, memory) =
            (started_at.split('T').next().unwrap_or_default(), machine.memory_bytes);
        let fact = format!(
            "- {day}: {}, {} CPUs, {} GiB, {}, kernel {}; {rustc}; commit {commit}",
            machine.cpu.trim(),
            machine.cpus,
            memory >> 30,
            machine.system.trim(),
            machine.kernel,
        );
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }
    facts.sort();
    let disturbed = contexts(kept).filter(|context| context.is_disturbed()).count();
    format!(
        "{}\n\n{} comparisons; beside {disturbed} of them others kept the machine busy.",
        facts.join("\n"),
        kept.results.len(),
    )
}

fn contexts(kept: &Kept) -> impl Iterator<Item = &Context> {
    kept.results.iter().map(|raw| &raw.context)
}

fn peers(kept: &Kept) -> String {
    let mut text = "| peer | version | started as |\n|---|---|---|".to_owned();
    for entry in &kept.contenders {
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

    use super::super::raw::Entry;
    use super::super::sample;
    use super::*;

    #[track_caller]
    fn expect(text: &str, parts: &[&str]) {
        for part in parts {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

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
        let parts = ["| Go | 1.25 | `go {port}` |", "skipped: there is no node", "commit 1234567"];
        expect(&text(&kept), &parts);
        expect(&text(&Kept::default()), &["Nothing is measured yet."]);
    }
}
