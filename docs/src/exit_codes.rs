//! The exit codes, as a table.

use std::fmt::Write;

use clap::Command;

/// Returns the list below "Exit codes:" in the text after the options, as a Markdown table.
pub(crate) fn table(command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut text = "| exit code | meaning |\n|--:|---|\n".to_owned();
    for (code, meaning) in exit_codes(&help) {
        let _ = writeln!(text, "| {code} | {meaning} |");
    }
    text
}

/// Returns each code with its meaning. A line that begins with no number continues the one before.
fn exit_codes(help: &str) -> Vec<(u8, String)> {
    let lines = help.lines().skip_while(|line| *line != "Exit codes:").skip(1);
    let mut codes: Vec<(u8, String)> = vec![];
    for line in lines.take_while(|line| !line.is_empty()) {
        let line = line.trim();
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (first.parse(), codes.last_mut()) {
            (Ok(code), _) => codes.push((code, rest.trim().to_owned())),
            (Err(_), Some((_, meaning))) => {
                let _ = write!(meaning, " {line}");
            }
            (Err(_), None) => {}
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_end_at_the_blank_line_and_may_take_several_lines() {
        let help = "Exit codes:\n  0    all is well\n  130  stopped\n       by a signal\n\n1 more";
        let table = table(&Command::new("x").after_help(help));
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| 0 | all is well |", "| 130 | stopped by a signal |"]);
    }
}
