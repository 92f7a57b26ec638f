//! Generates the tables of flags and exit codes in this folder from the programs' command lines.
//!
//! Each program has a test that calls [`check`] with its own definition. The tables and `--help`
//! therefore come from one source.

mod exit_codes;
mod flags;

use std::path::Path;
use std::{env, fs};

use clap::Command;

/// A document is rewritten, not checked, when this variable is set.
const UPDATE_VARIABLE: &str = "ECHO_UPDATE_DOCS";

/// Checks that a document of this folder has the tables that follow from a command line.
///
/// The tables stand between `<!-- begin generated: flags -->` and `<!-- end generated: flags -->`,
/// and between the same marks for `exit codes`. When the environment variable `ECHO_UPDATE_DOCS` is
/// set, the document gets the tables instead.
///
/// # Panics
/// When a table differs, a mark is missing, or the file cannot be read or written.
#[expect(clippy::panic, reason = "a failing check is a failing test")]
#[track_caller]
pub fn check(document: &str, mut command: Command) {
    command.build();
    if let Err(sentence) = compare(document, &command) {
        panic!("docs/{document}: {sentence}");
    }
}

fn compare(document: &str, command: &Command) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).map_err(|error| format!("read: {error}"))?;
    let updated = with_section(&text, "flags", &flags::tables(command))?;
    let updated = with_section(&updated, "exit codes", &exit_codes::table(command))?;
    if updated == text {
        return Ok(());
    }
    if env::var_os(UPDATE_VARIABLE).is_some() {
        return fs::write(&path, updated).map_err(|error| format!("write: {error}"));
    }
    let differs = updated.lines().zip(text.lines()).find(|(new, old)| new != old);
    let line = differs.map_or("the text is shorter or longer", |(new, _)| new);
    let refresh = format!("{UPDATE_VARIABLE}=1 cargo test documents_its_flags");
    Err(format!("a table differs from --help at\n{line}\nTo refresh the tables: {refresh}"))
}

/// Returns `text` with another content between the two marks of `name`.
fn with_section(text: &str, name: &str, content: &str) -> Result<String, String> {
    let begin = format!("<!-- begin generated: {name} -->");
    let end = format!("<!-- end generated: {name} -->");
    let (before, rest) = text.split_once(&begin).ok_or_else(|| format!("no line {begin}"))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| format!("no line {end}"))?;
    Ok(format!("{before}{begin}\n\n{content}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_between_its_marks() {
        let text = "a\n<!-- begin generated: x -->\nold\n<!-- end generated: x -->\nb\n";
        let wanted = "a\n<!-- begin generated: x -->\n\nnew\n\n<!-- end generated: x -->\nb\n";
        assert_eq!(with_section(text, "x", "new\n").as_deref(), Ok(wanted));
        assert_eq!(with_section(wanted, "x", "new\n").as_deref(), Ok(wanted));
    }

    #[test]
    fn a_missing_mark_is_named() {
        let sentence = with_section("<!-- begin generated: x -->", "x", "").unwrap_err();
        assert_eq!(sentence, "no line <!-- end generated: x -->");
        assert!(with_section("", "x", "").unwrap_err().contains("begin generated: x"));
    }
}
