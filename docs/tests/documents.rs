//! Links, quotes and flags in all documents of the repository name what exists.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no documents of ours.
const SKIPPED: [&str; 3] = ["target", "node_modules", "seeds"];

/// Flags of other programs than ours.
const FOREIGN_FLAGS: [&str; 3] = ["--release", "--bin", "--no-deps"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Returns every Markdown file with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut documents = vec![];
    collect(&root(), &mut documents);
    documents
}

fn collect(folder: &Path, documents: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || SKIPPED.contains(&name.as_ref()) {
            continue;
        } else if path.is_dir() {
            collect(&path, documents);
        } else if name.ends_with(".md") {
            let text = fs::read_to_string(&path).unwrap();
            documents.push((path, text));
        }
    }
}

/// Returns the text without its code blocks.
fn prose(text: &str) -> String {
    let blocks = text.split("\n```").step_by(2);
    blocks.map(|block| block.trim_start_matches('\n')).collect::<Vec<_>>().join("\n")
}

/// Returns the destination of every inline link and image.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(destination, _)| destination.to_owned()).collect()
}

/// Returns the anchors of a document as the usual Markdown viewers form them.
fn anchors(text: &str) -> Vec<String> {
    let prose = prose(text);
    let titles = prose.lines().filter_map(|line| line.strip_prefix('#'));
    titles.map(|title| anchor(title.trim_start_matches('#').trim())).collect()
}

fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = vec![];
    for (path, text) in documents() {
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let has_heading = || {
                let text = fs::read_to_string(&target).unwrap_or_default();
                heading.is_empty() || anchors(&text).iter().any(|anchor| anchor == heading)
            };
            if !target.exists() || !has_heading() {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// A quote is a code block below `<!-- quoted from FILE -->`. Its lines stand in that file in the same
/// order, apart from the indentation. A line with `…` stands for lines that are left out.
#[test]
fn every_quote_stands_in_its_file() {
    const MARK: &str = "<!-- quoted from ";
    for (path, text) in documents() {
        for quote in text.split(MARK).skip(1) {
            let (file, rest) = quote.split_once(" -->").unwrap();
            let source = fs::read_to_string(root().join(file)).unwrap_or_default();
            let mut lines = source.lines().map(str::trim);
            let block = rest.split("```").nth(1).unwrap();
            for line in block.lines().skip(1).map(str::trim).filter(|line| !line.contains('…')) {
                let place = format!("{} quotes {file}", path.display());
                assert!(lines.any(|one| one == line), "{place}, where this is not: {line}");
            }
        }
    }
}

#[test]
fn the_readme_names_no_flag_that_no_program_has() {
    let flags = |text: &str| -> BTreeSet<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("--"));
        let words =
            words.filter(|word| word.chars().nth(2).is_some_and(|c| c.is_ascii_alphabetic()));
        words.map(ToOwned::to_owned).collect()
    };
    let tables = |document: &str| {
        let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `--"));
        flags(&rows.collect::<Vec<_>>().join("\n"))
    };
    let mut known: BTreeSet<String> =
        ["server.md", "client.md", "loadtest.md"].into_iter().flat_map(tables).collect();
    assert!(known.len() > 40, "{known:?}");
    known.extend(FOREIGN_FLAGS.map(ToOwned::to_owned));
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let unknown: Vec<String> = flags(&readme).difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn links_and_anchors_are_found() {
    let text = "# One, `two`!\n[a](b.md#c) ![d](e.svg)\n```\n[no](link)\n```\n## T_h-ree\n";
    assert_eq!(links(text), ["b.md#c", "e.svg"]);
    assert_eq!(anchors(text), ["one-two", "t_h-ree"]);
}
