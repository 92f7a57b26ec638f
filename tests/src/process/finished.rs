//! The exit code and the output of a process that has ended.

/// The exit code and the output of a process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` when a signal killed the process.
    pub code: Option<i32>,
    /// The whole standard output; empty if it did not go to a pipe.
    pub stdout: String,
    /// The whole standard error; empty if it did not go to a pipe.
    pub stderr: String,
}

impl Finished {
    /// Checks the exit code, that stdout is empty, and that no thread panicked.
    ///
    /// # Panics
    /// When a check fails; the message contains the end of stderr.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", excerpt(&self.stderr));
        assert_eq!(self.stdout, "");
        let panic = ["panicked", "backtrace"].into_iter().find(|word| self.stderr.contains(word));
        assert_eq!(panic, None, "{}", excerpt(&self.stderr));
        self
    }

    /// Returns the lines of standard error that contain all of `parts`.
    #[must_use]
    pub fn lines_with(&self, parts: &[&str]) -> Vec<&str> {
        self.stderr.lines().filter(|line| parts.iter().all(|part| line.contains(part))).collect()
    }

    /// Returns the one line of standard error that contains all of `parts`.
    ///
    /// # Panics
    /// When there is no such line, or more than one.
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

/// Returns the last lines of a log. They say most about a failure, and a log may have thousands of
/// lines.
#[must_use]
pub fn excerpt(log: &str) -> String {
    const MAX_LINES: usize = 40;
    let lines: Vec<&str> = log.lines().collect();
    let skipped = lines.len().saturating_sub(MAX_LINES);
    let beginning = (skipped > 0).then(|| format!("({skipped} lines left out)\n"));
    beginning.unwrap_or_default() + &lines[skipped..].join("\n")
}
