//! What was measured, as it is kept in the repository: a file for each setting, workload and peer.
//! Everything on the page is made of these files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use echo_loadtest::compare::{CompareReport, Side};
use echo_loadtest::files;
use echo_loadtest::run_report::Machine;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::findings::metric;
use crate::peers::Peer;
use crate::workload::Setting;

const PEERS: &str = "peers.json";

/// A pair under a workload. In each, `a` is the peer and `b` our server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) setting: Setting,
    /// The workload's name.
    pub(crate) workload: String,
    pub(crate) peer: String,
    /// The peer's version.
    pub(crate) version: String,
    pub(crate) context: Context,
    pub(crate) outcome: Outcome,
    /// Whether the peer has changed since; known when all is read.
    #[serde(skip)]
    pub(crate) is_outdated: bool,
}

/// Where and beside what it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) machine: Machine,
    /// When it began, in UTC, RFC 3339.
    pub(crate) started_at: String,
    /// The compiler that built our server.
    pub(crate) rustc: String,
    /// What our server was built from.
    pub(crate) commit: String,
    /// CPUs that others kept busy meanwhile, on the average.
    pub(crate) others_cpus: f64,
    /// CPUs that the host did not give us, on the average.
    pub(crate) stolen_cpus: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The document of `loadtest compare --json`, as it was written.
    Compared(Box<CompareReport>),
    /// The connections that only stay.
    Idle(Idle),
    Failed(Failure),
}

/// Why a pair could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// Whose fault it is, if that is known.
    pub(crate) side: Option<Side>,
    /// A sentence.
    pub(crate) why: String,
}

/// Idle connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Idle {
    pub(crate) connections: usize,
    /// What chance in the statistics follows from.
    pub(crate) seed: u64,
    pub(crate) rounds: Vec<IdleRound>,
}

/// One of each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdleRound {
    pub(crate) a: IdleFigures,
    pub(crate) b: IdleFigures,
}

/// What idle connections cost a server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdleFigures {
    /// What resident memory grew by for each.
    pub(crate) memory_per_connection_bytes: f64,
    /// CPU time while nothing happened.
    pub(crate) cpu_ns_per_s: f64,
}

impl IdleFigures {
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        match name {
            metric::MEMORY => Some(self.memory_per_connection_bytes),
            metric::IDLE_CPU => Some(self.cpu_ns_per_s),
            _ => None,
        }
    }
}

/// A peer, whether it could be had or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Built {
        version: String,
        command: String,
    },
    /// Why it could not be had.
    Skipped(String),
}

impl Entry {
    /// What came of building it.
    pub(crate) fn new(name: &str, built: &Result<Peer, String>) -> Self {
        let state = match built {
            Ok(Peer { version, command, .. }) => {
                State::Built { version: version.clone(), command: command.clone() }
            }
            Err(why) => State::Skipped(why.clone()),
        };
        Self { name: name.to_owned(), state }
    }

    /// Whether a result is of another version of it, or of another command line, which is not kept of
    /// idle connections.
    pub(crate) fn has_changed_since(&self, raw: &Raw) -> bool {
        let State::Built { version, command } = &self.state else { return false };
        let started = command.replace("{workers}", &raw.setting.workers().to_string());
        let is_other = |report: &CompareReport| report.a != started;
        *version != raw.version
            || matches!(&raw.outcome, Outcome::Compared(report) if is_other(report))
    }
}

/// A folder of results.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Puts a result in the place of an earlier one.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn keep(&self, raw: &Raw) -> Result<(), String> {
        write(&self.path(raw.setting, &raw.workload, &raw.peer), raw)
    }

    /// The result of a pair, if there is one.
    ///
    /// # Errors
    /// A sentence that names the file, when it is there and cannot be read.
    pub(crate) fn find(
        &self,
        setting: Setting,
        load: &str,
        peer: &str,
    ) -> Result<Option<Raw>, String> {
        read(&self.path(setting, load, peer))
    }

    /// All results, in the order of their files' names.
    ///
    /// # Errors
    /// A sentence that names the first file that cannot be read.
    pub(crate) fn all(&self) -> Result<Vec<Raw>, String> {
        let mut found = vec![];
        for setting in Setting::ALL {
            for workload in entries(&self.0.join(setting.name()))? {
                for file in entries(&workload)? {
                    found.extend(read(&file)?);
                }
            }
        }
        Ok(found)
    }

    /// The peers of the last time each was asked for.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn peers(&self) -> Result<Vec<Entry>, String> {
        Ok(read(&self.0.join(PEERS))?.unwrap_or_default())
    }

    /// Renews what is known of peers: others stay as they are.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn renew_peers(&self, entries: &[Entry]) -> Result<(), String> {
        let mut all = self.peers()?;
        for entry in entries {
            match all.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => known.clone_from(entry),
                None => all.push(entry.clone()),
            }
        }
        write(&self.0.join(PEERS), &all)
    }

    fn path(&self, setting: Setting, workload: &str, peer: &str) -> PathBuf {
        self.0.join(setting.name()).join(workload).join(format!("{}.json", slug(peer)))
    }
}

/// A name as part of a path: `tokio lines, forwarded` is `tokio-lines-forwarded`.
pub(crate) fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

/// What is in a folder, in the order of names; nothing when it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let told = |error: io::Error| format!("read {}: {error}", folder.display());
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        listed => listed.map_err(told)?,
    };
    let paths = listed.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<PathBuf>>>().map_err(told)?;
    paths.sort();
    Ok(paths)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| format!("read {}: {error}", path.display()))?,
    };
    serde_json::from_slice(&text).map_err(|error| format!("read {}: {error}", path.display()))
}

/// A round on a line: as small as it can be, and still something that differences are seen in.
fn write(path: &Path, document: &impl Serialize) -> Result<(), String> {
    let told = |error: &dyn std::error::Error| format!("write {}: {error}", path.display());
    let text = serde_json::to_string(document).map_err(|error| told(&error))?;
    let text = ["{\"number\":", "{\"a\":{", "{\"name\":", "\"outcome\":"]
        .iter()
        .fold(text, |text, begin| text.replace(begin, &format!("\n{begin}")));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| told(&error))?;
    }
    files::write(path, format!("{text}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use echo_loadtest::run_report::VerdictKind;

    use super::*;
    use crate::results::sample;

    #[test]
    fn results_come_back_as_they_were_kept_and_the_last_counts() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let first = sample::raw("W2", "tokio lines, forwarded", VerdictKind::Valid);
        let second = Raw { version: "2".to_owned(), ..first.clone() };
        for raw in [&first, &second] {
            folder.keep(raw).unwrap();
        }
        let found = folder.find(Setting::Pinned, "W2", "tokio lines, forwarded").unwrap();
        assert_eq!(found, Some(second.clone()));
        assert_eq!(folder.all().unwrap(), [second]);
        assert_eq!(folder.find(Setting::Unpinned, "W2", "Go").unwrap(), None);
        let path = temporary.path().join("pinned/W2/tokio-lines-forwarded.json");
        assert!(fs::read_to_string(path).unwrap().lines().count() > 10);
    }

    #[test]
    fn a_peer_is_known_as_it_was_last() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let skipped = |name: &str, why: &str| Entry {
            name: name.to_owned(),
            state: State::Skipped(why.to_owned()),
        };
        folder.renew_peers(&[skipped("Go", "no compiler"), skipped("Node", "too old")]).unwrap();
        folder.renew_peers(&[skipped("Node", "not there")]).unwrap();
        let all = folder.peers().unwrap();
        assert_eq!(all, [skipped("Go", "no compiler"), skipped("Node", "not there")]);
    }

    #[test]
    fn a_file_that_is_no_result_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("pinned/W2/go.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{}").unwrap();
        let error = Folder::new(temporary.path()).all().unwrap_err();
        assert!(error.starts_with(&format!("read {}: ", path.display())), "{error}");
    }

    #[test]
    fn names_become_parts_of_paths() {
        for (name, expected) in [
            ("bare epoll", "bare-epoll"),
            ("io_uring", "io_uring"),
            ("tokio lines, forwarded", "tokio-lines-forwarded"),
            ("../Go", "go"),
        ] {
            assert_eq!(slug(name), expected);
        }
    }
}
