//! Rust source files as text, for tests that check who may name what.
//!
//! Uses nothing but the standard library, so that a test of any package can include this file with a
//! `path` attribute. A dependency on the harness would build the load tester for that test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Returns the code of each `.rs` file in `folder` and in the folders inside it, by its path below
/// `folder` without the extension. Comments, the contents of literals, build products and modules
/// named `tests` are left out.
///
/// # Panics
/// When a file or a folder cannot be read.
#[must_use]
pub fn below(folder: &Path) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    collect(folder, folder, &mut sources);
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut BTreeMap<String, String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("the folder can be listed").path();
        let name = path.strip_prefix(root).expect("the path is below the root").with_extension("");
        if path.is_dir() {
            // The mark of a folder that cargo builds into.
            if !path.join("CACHEDIR.TAG").exists() {
                collect(root, &path, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            sources.insert(name.to_string_lossy().replace('\\', "/"), code(&text));
        }
    }
}

/// Returns the code of a source file: without comments, contents of literals, and inline modules
/// named `tests`.
#[must_use]
pub fn code(source: &str) -> String {
    without_tests(&without_literals(source))
}

/// Removes comments, and empties the literals of strings and characters.
fn without_literals(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = skipped_len(rest, code.chars().next_back());
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            if first == '"' || first == 'r' {
                code.push_str("\"\"");
            }
            rest = &rest[skipped..];
        }
    }
    code
}

/// Returns the length of the comment or literal at the beginning of `rest`; 0 when there is none.
fn skipped_len(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|char| char.is_alphanumeric() || char == '_');
    match rest.as_bytes() {
        [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment_len(rest),
        [b'"', ..] => string_len(rest),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string_len(rest),
        [b'\'', b'\\', ..] => 3 + rest[3..].find('\'').map_or(0, |at| at + 1),
        [b'\'', ..] => character_len(rest),
        _ => 0,
    }
}

fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0;
    for (at, pair) in rest.as_bytes().windows(2).enumerate() {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 2;
        }
    }
    rest.len()
}

fn string_len(rest: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// Returns 0 for a raw identifier such as `r#type`.
fn raw_string_len(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !rest[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let content = 2 + hashes;
    rest[content..].find(&end).map_or(rest.len(), |at| content + at + end.len())
}

/// Returns 0 for a lifetime such as `'a`.
fn character_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(2);
    chars.next().filter(|(_, char)| *char == '\'').map_or(0, |(at, _)| at + 1)
}

/// Removes modules named `tests`, each with its `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("mod tests") {
        let (before, module) = rest.split_at(start);
        let name_len = "mod tests".len();
        let len = match module[name_len..].trim_start().chars().next() {
            Some(';') => module.find(';').map_or(module.len(), |at| at + 1),
            Some('{') => module.find('{').map_or(0, |at| at + block_len(&module[at..])),
            _ => 0,
        };
        if len == 0 {
            kept.push_str(&rest[..start + name_len]);
            rest = &module[name_len..];
        } else {
            let outside = before.trim_end();
            kept.push_str(outside.strip_suffix("#[cfg(test)]").unwrap_or(before));
            rest = &module[len..];
        }
    }
    kept + rest
}

/// Returns the length of the block in braces at the beginning of `code`.
fn block_len(code: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}
