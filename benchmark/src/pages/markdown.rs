//! What the parts of the page have in common as Markdown; pure.

/// Fit for a cell: one line, not too long, and no bars.
pub(crate) fn one_line(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ").replace('|', "/").chars().take(MAX_CHARS).collect()
}

/// # Panics
/// When one of the parts is not there.
#[cfg(test)]
#[track_caller]
pub(crate) fn expect(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}
