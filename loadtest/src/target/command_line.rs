//! A command line with a place for a port.

use std::fmt;
use std::str::FromStr;

/// The text that the port replaces.
pub(super) const PORT: &str = "{port}";

/// A program and its arguments, with `{port}` in them. Quotes and backslashes split the text into words
/// as in a shell. No shell is started, so nothing else is expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The command line as it was given.
    text: String,
    program: String,
    arguments: Vec<String>,
}

impl FromStr for CommandLine {
    type Err = String;

    /// # Errors
    /// A sentence for the user when a quote is not closed, there is no program, or no `{port}`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words = shell_words::split(text).map_err(|_| "a quote is not closed".to_owned())?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or("expected a command line")?;
        let arguments: Vec<String> = words.collect();
        if !program.contains(PORT) && !arguments.iter().any(|word| word.contains(PORT)) {
            return Err(format!("expected {PORT} in the command line"));
        }
        Ok(Self { text: text.to_owned(), program, arguments })
    }
}

impl CommandLine {
    /// Returns the program and its arguments with the port filled in.
    #[must_use]
    pub fn with_port(&self, port: u16) -> (String, Vec<String>) {
        let fill = |word: &String| word.replace(PORT, &port.to_string());
        (fill(&self.program), self.arguments.iter().map(fill).collect())
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does_it_and_nothing_is_expanded() {
        let text = r#"./a\ server --listen "127.0.0.1:{port}" '$HOME *' x={port}{port} > log"#;
        let (program, arguments) = text.parse::<CommandLine>().expect("sound").with_port(81);
        assert_eq!(program, "./a server");
        assert_eq!(arguments, ["--listen", "127.0.0.1:81", "$HOME *", "x=8181", ">", "log"]);
    }

    #[test]
    fn nonsense_is_refused_with_a_sentence() {
        for (text, part) in [
            ("", "expected a command line"),
            ("'' {port}", "expected a command line"),
            ("server 'a {port}", "a quote is not closed"),
            ("server # {port}", "expected {port}"),
            ("server", "expected {port}"),
        ] {
            let error = text.parse::<CommandLine>().expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
