//! What our server is built from.

use std::process::Command;

use echo_tests::workspace::workspace;

use crate::results::CHANGED;

/// Results and pages. They do not go into the server, so changes in them do not count.
const NOT_SOURCES: [&str; 4] = [
    ":!PERFORMANCE.md",
    ":!benchmark/results",
    ":!benchmark/RESULTS.md",
    ":!benchmark/RESULTS-unpinned.md",
];

/// The commit and the compiler of our server.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) commit: String,
    pub(crate) rustc: String,
}

impl Origin {
    /// Returns the origin of this workspace. What cannot be found out is `unknown`.
    pub(crate) fn here() -> Self {
        let known = |line: Option<String>| line.unwrap_or_else(|| "unknown".to_owned());
        let status = [&["status", "--porcelain", "--", "."][..], &NOT_SOURCES].concat();
        let changed = if first_line("git", &status).is_some() { CHANGED } else { "" };
        let commit = known(first_line("git", &["rev-parse", "--short", "HEAD"]));
        Self { commit: commit + changed, rustc: known(first_line("rustc", &["--version"])) }
    }
}

/// Returns the first line that a program prints.
fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(workspace()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_names_the_compiler() {
        assert!(Origin::here().rustc.starts_with("rustc "));
    }
}
