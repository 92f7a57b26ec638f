//! What a process has left behind, and how a failure shows it.

/// What a process left behind.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal killed it.
    pub code: Option<i32>,
    /// All of its standard output, unless that went elsewhere.
    pub stdout: String,
    /// All of its standard error, unless that went elsewhere.
    pub stderr: String,
}

impl Finished {
    /// Checks the exit code, and that nothing was said on stdout and nothing panicked.
    ///
    /// # Panics
    /// When one of them is otherwise, with all that was said.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", excerpt(&self.stderr));
        assert_eq!(self.stdout, "");
        let panic = ["panicked", "backtrace"].into_iter().find(|word| self.stderr.contains(word));
        assert_eq!(panic, None, "{}", excerpt(&self.stderr));
        self
    }

    /// The lines of standard error that contain all of `parts`.
    #[must_use]
    pub fn lines_with(&self, parts: &[&str]) -> Vec<&str> {
        self.stderr.lines().filter(|line| parts.iter().all(|part| line.contains(part))).collect()
    }

    /// The one line of standard error that contains all of `parts`.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    #[must_use]
    pub fn line_with(&self, parts: &[&str]) -> &str {
        match self.lines_with(parts)[..] {
            [line] => line,
            ref lines => {
                panic!("{} lines with {parts:?} in:\n{}", lines.len(), excerpt(&self.stderr))
            }
        }
    }
}

/// The last lines of a log, which tell most about a failure; a flood can make thousands of them.
#[must_use]
pub fn excerpt(log: &str) -> String {
    const MAX_LINES: usize = 40;
    let lines: Vec<&str> = log.lines().collect();
    let skipped = lines.len().saturating_sub(MAX_LINES);
    let beginning = (skipped > 0).then(|| format!("({skipped} lines, then)\n"));
    beginning.unwrap_or_default() + &lines[skipped..].join("\n")
}
