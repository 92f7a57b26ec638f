//! The flags of a program, as Markdown tables.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

/// One flag, or one positional argument.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    heading: String,
    name: String,
    default: String,
    variable: String,
    /// The subcommands that have it; empty when the program has none.
    commands: Vec<String>,
    meaning: String,
    /// What `--help` says beyond the first paragraph.
    details: String,
}

impl Row {
    /// Returns whether both rows differ at most in the commands.
    fn is_same_flag(&self, other: &Self) -> bool {
        let all = |row: &Self| Self { commands: vec![], ..row.clone() };
        all(self) == all(other)
    }
}

/// Returns one table for each help heading of the program and its subcommands.
///
/// A flag that several subcommands share has one row, which names them.
pub(crate) fn tables(command: &Command) -> String {
    let subcommands: Vec<&Command> =
        command.get_subcommands().filter(|one| one.get_name() != "help").collect();
    let rows = match subcommands.as_slice() {
        [] => command.get_arguments().filter(|arg| is_shown(arg)).map(row).collect(),
        subcommands => shared_rows(subcommands),
    };
    let mut headings: Vec<&str> = vec![];
    for row in &rows {
        if !headings.contains(&row.heading.as_str()) {
            headings.push(&row.heading);
        }
    }
    let table = |heading: &&str| {
        let title = if headings.len() > 1 { format!("### {heading}\n\n") } else { String::new() };
        let rows: Vec<&Row> = rows.iter().filter(|row| row.heading == **heading).collect();
        format!("{title}{}", table(&rows))
    };
    headings.iter().map(table).collect::<Vec<_>>().join("\n")
}

/// Returns one row for each flag of any subcommand.
fn shared_rows(subcommands: &[&Command]) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![];
    for command in subcommands {
        for arg in command.get_arguments().filter(|arg| is_shown(arg)) {
            let row = row(arg);
            let at = rows.iter().position(|one| one.is_same_flag(&row)).unwrap_or(rows.len());
            if at == rows.len() {
                rows.push(row);
            }
            rows[at].commands.push(command.get_name().to_owned());
        }
    }
    for row in rows.iter_mut().filter(|row| row.commands.len() == subcommands.len()) {
        row.commands = vec!["all".to_owned()];
    }
    rows
}

fn is_shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())
}

fn row(arg: &Arg) -> Row {
    let text = |help: Option<&clap::builder::StyledStr>| help.map(ToString::to_string);
    let help = text(arg.get_help()).unwrap_or_default();
    let (meaning, told_default) = without_default(&help);
    let long = text(arg.get_long_help()).unwrap_or_default();
    let details = long.split_once("\n\n").map_or("", |(_, details)| details);
    let details = format!("{details}{}", possible_values(arg));
    let heading = if arg.is_positional() { "Arguments" } else { "Options" };
    Row {
        heading: arg.get_help_heading().unwrap_or(heading).to_owned(),
        name: name(arg),
        default: told_default.map_or_else(|| default(arg), ToOwned::to_owned),
        variable: arg.get_env().map(|name| code(&name.to_string_lossy())).unwrap_or_default(),
        commands: vec![],
        meaning: cell(meaning),
        details: cell(&details),
    }
}

/// Splits a default that the help text itself names, because it is not always the same.
fn without_default(help: &str) -> (&str, Option<&str>) {
    let told = help.trim_end().strip_suffix(']').and_then(|text| text.split_once(" [default: "));
    told.map_or((help, None), |(meaning, default)| (meaning, Some(default)))
}

/// Returns what the help says about each possible value.
fn possible_values(arg: &Arg) -> String {
    let mut text = String::new();
    for value in arg.get_possible_values() {
        if let Some(help) = value.get_help().filter(|_| arg.get_action().takes_values()) {
            let _ = write!(text, " \"{}\": {help}.", value.get_name());
        }
    }
    text
}

fn default(arg: &Arg) -> String {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return "off".to_owned();
    }
    if arg.is_required_set() {
        return "required".to_owned();
    }
    let values: Vec<_> = arg.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
    values.join(",")
}

/// Returns how the argument is written: all its long names, and what value it takes.
fn name(arg: &Arg) -> String {
    let value = value(arg);
    let mut names: Vec<String> =
        arg.get_long().map(|long| format!("--{long}")).into_iter().collect();
    names.extend(arg.get_visible_aliases().unwrap_or_default().iter().map(|it| format!("--{it}")));
    match names.first_mut() {
        Some(first) if !value.is_empty() => *first = format!("{first} {value}"),
        Some(_) => {}
        None => names.push(value),
    }
    names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ")
}

fn value(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let possible: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let names = arg.get_value_names().unwrap_or_default();
    let value = if possible.is_empty() { names.join(" ") } else { possible.join("|") };
    format!("<{value}>")
}

fn table(rows: &[&Row]) -> String {
    let has_commands = rows.iter().any(|row| !row.commands.is_empty());
    let (title, rule) = if has_commands { (" commands |", "---|") } else { ("", "") };
    let mut text =
        format!("| flag | default | variable |{title} meaning |\n|---|---|---|{rule}---|\n");
    for row in rows {
        let Row { name, default, variable, meaning, .. } = row;
        let commands =
            if has_commands { format!(" {} |", row.commands.join(", ")) } else { String::new() };
        let line = format!("| {name} | {default} | {variable} |{commands} {meaning} |");
        let _ = writeln!(text, "{}", line.replace("|  |", "| |").replace("|  |", "| |"));
    }
    let detailed: Vec<&&Row> = rows.iter().filter(|row| !row.details.is_empty()).collect();
    if !detailed.is_empty() {
        text.push('\n');
    }
    for row in detailed {
        let _ = writeln!(text, "- {}: {}", row.name.replace("\\|", "|"), row.details);
    }
    text
}

/// Returns the text on one line, fit for a cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

#[cfg(test)]
mod tests {
    use clap::builder::{PossibleValue, PossibleValuesParser};

    use super::*;

    fn flag(name: &'static str) -> Arg {
        Arg::new(name).long(name)
    }

    fn tables_of(command: Command) -> String {
        let mut command = command.disable_help_subcommand(true);
        command.build();
        tables(&command)
    }

    #[test]
    fn a_flag_has_its_value_default_variable_and_meaning() {
        let port = flag("port").value_name("PORT").default_value("9000").help("Port");
        let quiet = flag("quiet").action(ArgAction::SetTrue).visible_alias("mute").help("Silence");
        let kind = flag("kind").value_parser(PossibleValuesParser::new(["a", "b"])).required(true);
        let table = tables_of(Command::new("x").args([port, quiet, kind.help("Which")]));
        let wanted = "\
| flag | default | variable | meaning |
|---|---|---|---|
| `--port <PORT>` | 9000 | | Port |
| `--quiet`, `--mute` | off | | Silence |
| `--kind <a\\|b>` | required | | Which |
";
        assert_eq!(table, wanted);
    }

    #[test]
    fn the_help_text_may_name_the_default_and_go_on_after_its_first_paragraph() {
        let threads = flag("threads").value_name("N").help("Threads [default: the CPUs]");
        let table = tables_of(Command::new("x").arg(threads.long_help("Threads\n\nAt\nmost 9.")));
        assert!(table.contains("| `--threads <N>` | the CPUs | | Threads |\n"), "{table}");
        assert!(table.ends_with("\n\n- `--threads <N>`: At most 9.\n"), "{table}");
    }

    #[test]
    fn values_are_explained_below_the_table() {
        let values = [PossibleValue::new("a").help("First"), PossibleValue::new("b").help("Last")];
        let kind = flag("kind").value_parser(PossibleValuesParser::new(values)).help("Which");
        let table = tables_of(Command::new("x").arg(kind));
        assert!(table.ends_with("- `--kind <a|b>`: \"a\": First. \"b\": Last.\n"), "{table}");
    }

    #[test]
    fn subcommands_share_a_row_when_they_share_a_flag() {
        let shared = || flag("json").value_name("FILE").help("Report");
        let one = Command::new("one").arg(shared());
        let other = Command::new("other")
            .arg(shared())
            .arg(flag("size").value_name("SIZE").help("Length").help_heading("Load"));
        let last = Command::new("last").arg(flag("quiet").action(ArgAction::SetTrue));
        let table = tables_of(Command::new("x").subcommands([one, other, last]));
        assert!(table.starts_with("### Options\n\n| flag | default | variable | commands |"));
        assert!(table.contains("| `--json <FILE>` | | | one, other | Report |\n"), "{table}");
        assert!(table.contains("### Load\n"), "{table}");
        assert!(table.contains("| `--size <SIZE>` | | | other | Length |\n"), "{table}");
    }
}
