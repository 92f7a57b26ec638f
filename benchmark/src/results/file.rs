//! Results on disk, as JSON lines: the header, then one line per comparison.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use echo_loadtest::files;
use serde::Serialize;

use super::comparison::Comparison;
use super::content::Results;
use super::header::Header;
use crate::findings::outcome::Outcome;

impl Results {
    /// Reads a file of results.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("read {}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = (1..).zip(text.lines());
        let (_, header) = lines.next().ok_or("the file is empty")?;
        let header: Header =
            serde_json::from_str(header).map_err(|error| format!("line 1: {error}"))?;
        let parse = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))
        };
        let comparisons: Vec<Comparison> = lines.map(parse).collect::<Result<_, _>>()?;
        Ok(Self::new(header, comparisons))
    }
}

/// A file of results that a run adds to.
#[derive(Debug)]
pub(crate) struct ResultsFile {
    path: PathBuf,
    results: Results,
}

impl ResultsFile {
    /// Begins a file, in the place of an earlier one.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn create(path: PathBuf, header: Header) -> Result<Self, String> {
        Self::begin(path, Results::new(header, vec![]))
    }

    /// Continues the file that an interrupted run of the same kind left behind, or begins a new file if
    /// there is none. Failed comparisons are measured again.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn resume(path: PathBuf, header: Header) -> Result<Self, String> {
        let found = unfinished(&path).filter(|found| found.header.is_same_run(&header));
        let mut results = found.unwrap_or_else(|| Results::new(header, vec![]));
        results.comparisons.retain(|found| !matches!(found.outcome, Outcome::Failed(_)));
        Self::begin(path, results)
    }

    fn begin(path: PathBuf, results: Results) -> Result<Self, String> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| format!("create {}: {error}", folder.display()))?;
        }
        let text = text(&results).map_err(|error| format!("write {}: {error}", path.display()))?;
        files::write(&path, text.as_bytes())?;
        Ok(Self { path, results })
    }

    /// Adds a comparison.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn append(&mut self, comparison: Comparison) -> Result<(), String> {
        line(&comparison)
            .and_then(|line| append(&self.path, &line))
            .map_err(|error| format!("write {}: {error}", self.path.display()))?;
        self.results.comparisons.push(comparison);
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn results(&self) -> &Results {
        &self.results
    }
}

/// Reads the complete lines of a file. An interruption may have cut off the last one.
fn unfinished(path: &Path) -> Option<Results> {
    let text = fs::read_to_string(path).ok()?;
    let (complete, _) = text.rsplit_once('\n')?;
    Results::parse(complete).ok()
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new().append(true).open(path)?.write_all(line.as_bytes())
}

fn text(results: &Results) -> io::Result<String> {
    let lines: String = results.comparisons.iter().map(line).collect::<io::Result<_>>()?;
    Ok(line(&results.header)? + &lines)
}

fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::findings::outcome::Failure;
    use crate::sample;
    use crate::setting::Setting;

    fn header() -> Header {
        sample::header(Setting::Pinned)
    }

    /// Returns a folder and a file in it with these comparisons.
    fn file(comparisons: &[Comparison]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target/pinned.jsonl");
        let mut file = ResultsFile::create(path.clone(), header()).unwrap();
        comparisons.iter().for_each(|found| file.append(found.clone()).unwrap());
        (folder, path)
    }

    #[test]
    fn results_are_read_as_they_were_written() {
        let go = sample::comparison("W2", "Go", VerdictKind::Valid);
        let (_folder, path) = file(std::slice::from_ref(&go));
        assert_eq!(Results::read(&path).unwrap(), sample::results(vec![go]));
    }

    #[test]
    fn a_run_continues_an_interrupted_one_and_repeats_what_failed() {
        let go = sample::comparison("W2", "Go", VerdictKind::Valid);
        let mut node = sample::comparison("W2", "Node", VerdictKind::Valid);
        node.outcome = Outcome::Failed(Failure { side: None, why: "no luck".to_owned() });
        let (_folder, path) = file(&[go.clone(), node]);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole + "{\"workload\":").unwrap();
        let later = Header { started_at: "2027-01-01T00:00:00Z".to_owned(), ..header() };
        let resumed = ResultsFile::resume(path.clone(), later).unwrap();
        assert_eq!(*resumed.results(), sample::results(vec![go]));
        assert_eq!(Results::read(&path).unwrap(), *resumed.results());
    }

    #[test]
    fn a_run_of_another_commit_begins_anew() {
        let (_folder, path) = file(&[sample::comparison("W2", "Go", VerdictKind::Valid)]);
        let other = Header { commit: "7654321".to_owned(), ..header() };
        let resumed = ResultsFile::resume(path.clone(), other).unwrap();
        assert!(resumed.results().comparisons.is_empty());
        assert_eq!(Results::read(&path).unwrap().header.commit, "7654321");
    }

    #[test]
    fn an_invalid_line_is_named() {
        let (_folder, path) = file(&[]);
        append(&path, "{}\n").unwrap();
        let error = Results::read(&path).unwrap_err();
        assert!(error.starts_with(&format!("read {}: line 2: ", path.display())), "{error}");
    }
}
