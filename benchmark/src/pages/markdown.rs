//! Helpers for Markdown.

/// Returns a text that fits into a table cell: one line, not too long and without bars.
pub(super) fn one_line(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ").replace('|', "/").chars().take(MAX_CHARS).collect()
}
