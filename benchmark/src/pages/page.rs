//! PERFORMANCE.md: prose by people, and between markers what follows from the results, so that nobody
//! writes a figure by hand.

use std::fs;
use std::path::Path;

use echo_loadtest::files;

use crate::findings::metric;
use crate::pages::circumstances;
use crate::pages::overview;
use crate::pages::plot;
use crate::pages::table;
use crate::results::kept::{Kept, rank};
use crate::results::raw::Folder;
use crate::workload::{ALL, Setting, Workload};

const PAGE: &str = "PERFORMANCE.md";
const RESULTS: &str = "performance/raw";
const PLOTS: &str = "performance/plots";

/// The results in a workspace.
pub(crate) fn results(workspace: &Path) -> Folder {
    Folder::new(workspace.join(RESULTS))
}

/// A file that is made of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    /// From the workspace.
    path: String,
    text: String,
}

/// Writes the page's generated parts and the plots anew.
///
/// # Errors
/// A sentence that names a file or a marker.
pub(crate) fn write(workspace: &Path) -> Result<(), String> {
    let made = make(workspace)?;
    let folder = workspace.join(PLOTS);
    // Of workloads that are no more, too.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)
        .map_err(|error| format!("make the folder {}: {error}", folder.display()))?;
    made.iter()
        .try_for_each(|Made { path, text }| files::write(&workspace.join(path), text.as_bytes()))
}

fn make(workspace: &Path) -> Result<Vec<Made>, String> {
    let kept = Kept::read(&results(workspace))?;
    let path = workspace.join(PAGE);
    let page =
        fs::read_to_string(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let page = Made { path: PAGE.to_owned(), text: fill(&page, &parts(&kept))? };
    Ok([vec![page], plots(&kept)].concat())
}

/// What is generated, each under its name.
fn parts(kept: &Kept) -> Vec<(String, String)> {
    let mut parts = vec![
        ("overview".to_owned(), overview::table(kept, ALL)),
        ("bars".to_owned(), table::bars(kept, ALL)),
        ("circumstances".to_owned(), circumstances::text(kept)),
    ];
    for section in ALL.chunk_by(|left, right| left.number == right.number) {
        let workloads: Vec<&Workload> = section.iter().collect();
        parts.push((section[0].section(), table::section(kept, &workloads)));
    }
    parts
}

fn plots(kept: &Kept) -> Vec<Made> {
    let drawn = |setting: Setting, workload: &Workload| {
        let first = workload.metrics[0];
        let mut findings = kept.findings(setting, workload, first);
        rank(first, &mut findings);
        let is_of_it =
            |bar: &&crate::findings::bar::Bar| bar.metric == first && setting == Setting::Pinned;
        let bar = workload.bars.iter().find(is_of_it);
        let text = plot::draw(metric::title(first), bar, &findings)?;
        Some(Made { path: table::plot_path(setting, workload), text })
    };
    let all = ALL.iter().flat_map(|workload| {
        Setting::ALL.iter().filter_map(move |setting| drawn(*setting, workload))
    });
    all.collect()
}

/// Puts each part between its markers.
///
/// # Errors
/// A sentence when a part has no markers, or markers have no part.
fn fill(page: &str, parts: &[(String, String)]) -> Result<String, String> {
    let begins = page.matches("<!-- begin generated: ").count();
    if begins != parts.len() {
        return Err(format!("{PAGE} has {begins} generated parts, not {}", parts.len()));
    }
    parts.iter().try_fold(page.to_owned(), |page, (name, text)| {
        let (begin, end) = (
            format!("<!-- begin generated: {name} -->\n"),
            format!("<!-- end generated: {name} -->"),
        );
        let (before, rest) = page.split_once(&begin).ok_or(format!("{PAGE} lacks {begin}"))?;
        let (_, after) = rest.split_once(&end).ok_or(format!("{PAGE} lacks {end}"))?;
        Ok(format!("{before}{begin}\n{text}\n\n{end}{after}"))
    })
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::results::sample;
    use echo_tests::workspace::workspace;

    /// Set to write what is kept instead of comparing it.
    const HINT: &str = "is not what performance/raw gives: cargo benchmark --report-only";

    #[test]
    fn the_page_and_its_plots_are_what_the_kept_results_give() {
        for Made { path, text } in make(workspace()).unwrap() {
            let kept = fs::read_to_string(workspace().join(&path)).unwrap_or_default();
            assert!(kept == text, "{path} {HINT}");
        }
    }

    #[test]
    fn parts_take_the_place_of_what_was_between_their_markers() {
        let page = "a\n<!-- begin generated: W1 -->\nold\n<!-- end generated: W1 -->\nb\n";
        let part = |name: &str| vec![(name.to_owned(), "new".to_owned())];
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
    fn a_workspace_gets_a_page_and_plots_from_its_results() {
        let workspace = tempfile::tempdir().unwrap();
        let markers: Vec<String> = parts(&Kept::default())
            .iter()
            .map(|(name, _)| {
                format!("<!-- begin generated: {name} -->\n<!-- end generated: {name} -->\n")
            })
            .collect();
        fs::write(workspace.path().join(PAGE), markers.concat()).unwrap();
        let raw = sample::raw("W2", "bare epoll", VerdictKind::Valid);
        results(workspace.path()).keep(&raw).unwrap();
        write(workspace.path()).unwrap();
        let page = fs::read_to_string(workspace.path().join(PAGE)).unwrap();
        assert!(
            page.contains("| W2 | CPU per message at most 1.00 × bare epoll | **met** |"),
            "{page}"
        );
        let plot = fs::read_to_string(workspace.path().join(PLOTS).join("W2-pinned.svg")).unwrap();
        assert!(plot.contains("bare epoll"), "{plot}");
    }
}
