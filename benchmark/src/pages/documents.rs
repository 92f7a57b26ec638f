//! Reads the results and writes the documents. PERFORMANCE.md has text by people, and generated parts
//! between markers. The pages of results and the picture are generated as a whole.

use std::fs;
use std::path::{Path, PathBuf};

use echo_loadtest::files;
use echo_tests::workspace::workspace;

use super::{performance, results};
use crate::results::Results;
use crate::setting::Setting;

const PERFORMANCE: &str = "PERFORMANCE.md";
const PICTURE: &str = "benchmark/results/ratios.svg";

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Document {
    /// Path from the root of the workspace.
    path: &'static str,
    text: String,
}

/// Returns where the published results of a setting are in a workspace.
pub(crate) fn results_path(workspace: &Path, setting: Setting) -> PathBuf {
    workspace.join(format!("benchmark/results/{}.jsonl", setting.name()))
}

/// Writes the documents that follow from the published results.
///
/// # Errors
/// A sentence that names a file or a marker.
pub fn report() -> Result<(), String> {
    write(workspace())
}

/// Writes the page of results to a file.
///
/// # Errors
/// A sentence that names the file.
pub(crate) fn write_results(path: &Path, found: &Results) -> Result<(), String> {
    files::write(path, results::page(found).as_bytes())
}

fn write(workspace: &Path) -> Result<(), String> {
    let write = |Document { path, text }| files::write(&workspace.join(path), str::as_bytes(&text));
    documents(workspace)?.into_iter().try_for_each(write)
}

fn documents(workspace: &Path) -> Result<Vec<Document>, String> {
    let read = |setting| Results::read(&results_path(workspace, setting));
    let (pinned, unpinned) = (read(Setting::Pinned)?, read(Setting::Unpinned)?);
    let path = workspace.join(PERFORMANCE);
    let page =
        fs::read_to_string(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let page = fill(&page, &performance::parts(&pinned))?;
    let picture = performance::picture(&pinned).unwrap_or_default();
    Ok([
        (PERFORMANCE, page),
        (PICTURE, picture),
        ("benchmark/RESULTS.md", results::page(&pinned)),
        ("benchmark/RESULTS-unpinned.md", results::page(&unpinned)),
    ]
    .map(|(path, text)| Document { path, text })
    .into())
}

/// Puts each part between its markers.
///
/// # Errors
/// A sentence if a part has no markers, or markers have no part.
fn fill(page: &str, parts: &[(&str, String)]) -> Result<String, String> {
    let begins = page.matches("<!-- begin generated: ").count();
    if begins != parts.len() {
        return Err(format!("{PERFORMANCE} has {begins} generated parts, not {}", parts.len()));
    }
    parts.iter().try_fold(page.to_owned(), |page, (name, text)| {
        let (begin, end) = (
            format!("<!-- begin generated: {name} -->\n"),
            format!("<!-- end generated: {name} -->"),
        );
        let (before, rest) =
            page.split_once(&begin).ok_or(format!("{PERFORMANCE} lacks {begin}"))?;
        let (_, after) = rest.split_once(&end).ok_or(format!("{PERFORMANCE} lacks {end}"))?;
        Ok(format!("{before}{begin}\n{text}\n\n{end}{after}"))
    })
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::results::ResultsFile;
    use crate::sample;

    #[test]
    fn the_documents_follow_from_the_results() {
        for Document { path, text } in documents(workspace()).unwrap() {
            let found = fs::read_to_string(workspace().join(path)).unwrap_or_default();
            let hint = "does not follow from benchmark/results: run `cargo benchmark report`";
            assert!(found == text, "{path} {hint}");
        }
    }

    #[test]
    fn a_part_replaces_the_text_between_its_markers() {
        let page = "a\n<!-- begin generated: W1 -->\nold\n<!-- end generated: W1 -->\nb\n";
        let part = |name| [(name, "new".to_owned())];
        let filled = fill(page, &part("W1")).unwrap();
        let wanted = "a\n<!-- begin generated: W1 -->\n\nnew\n\n<!-- end generated: W1 -->\nb\n";
        assert_eq!(filled, wanted);
        assert_eq!(fill(&filled, &part("W1")).unwrap(), wanted, "the second time");
        assert!(fill(page, &part("W2")).unwrap_err().contains("begin generated: W2"));
        assert!(fill(page, &[]).unwrap_err().contains("1 generated parts, not 0"));
        let unended = "<!-- begin generated: W1 -->\n";
        assert!(fill(unended, &part("W1")).unwrap_err().contains("end generated: W1"));
    }

    #[test]
    fn a_workspace_gets_its_documents_from_its_results() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path();
        for setting in Setting::ALL {
            let path = results_path(workspace, setting);
            let mut file = ResultsFile::create(path, sample::header(setting)).unwrap();
            file.append(sample::comparison("W2", "bare epoll", VerdictKind::Valid)).unwrap();
        }
        let markers = performance::parts(&sample::results(vec![])).into_iter().map(|(name, _)| {
            format!("<!-- begin generated: {name} -->\n<!-- end generated: {name} -->\n")
        });
        fs::write(workspace.join(PERFORMANCE), markers.collect::<String>()).unwrap();
        write(workspace).unwrap();
        let read = |path: &str| fs::read_to_string(workspace.join(path)).unwrap();
        assert!(read(PERFORMANCE).contains("Yes: a message costs our server"));
        assert!(read("benchmark/RESULTS.md").contains("# Results: one worker, pinned"));
        assert!(read("benchmark/RESULTS-unpinned.md").contains("two workers, not pinned"));
        assert!(read(PICTURE).contains("bare epoll"));
    }
}
