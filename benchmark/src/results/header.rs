//! What all comparisons of a run have in common.

use echo_loadtest::run_report::Machine;
use serde::{Deserialize, Serialize};

use crate::peers::Peer;
use crate::setting::Setting;

/// The first line of a file of results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) setting: Setting,
    /// The commit that our server was built from. It ends with ", and changes" if there were changes
    /// that are not committed.
    pub(crate) commit: String,
    /// The command that made the results.
    pub(crate) made_by: String,
    /// Start of the run in UTC, RFC 3339.
    pub(crate) started_at: String,
    pub(crate) machine: Machine,
    /// Version of the compiler that built our server.
    pub(crate) rustc: String,
    /// All peers, whether they could be built or not.
    pub(crate) peers: Vec<Entry>,
}

/// A peer of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) state: State,
}

/// Whether a peer could be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Built {
        version: String,
        command: String,
    },
    /// The reason why it could not be built.
    Skipped(String),
}

impl Header {
    /// Returns whether a run with the header `other` would measure the same thing: the same sources with
    /// the same tools, flags and peers on the same machine.
    pub(crate) fn is_same_run(&self, other: &Self) -> bool {
        let is_committed = !self.commit.contains(CHANGED);
        is_committed && *self == Self { started_at: self.started_at.clone(), ..other.clone() }
    }
}

/// What follows a commit if the sources have changes that are not committed.
pub(crate) const CHANGED: &str = ", and changes";

impl Entry {
    /// Returns the entry for the outcome of building a peer.
    pub(crate) fn new(name: &str, built: &Result<Peer, String>) -> Self {
        let state = match built {
            Ok(Peer { version, command, .. }) => {
                State::Built { version: version.clone(), command: command.clone() }
            }
            Err(why) => State::Skipped(why.clone()),
        };
        Self { name: name.to_owned(), state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_run_is_the_same_with_another_start_and_no_other_difference() {
        let header = sample::header(Setting::Pinned);
        let later = Header { started_at: "2027-01-01T00:00:00Z".to_owned(), ..header.clone() };
        assert!(header.is_same_run(&later));
        let commit = "7654321".to_owned();
        assert!(!header.is_same_run(&Header { commit, ..header.clone() }));
        let made_by = "cargo benchmark run --rounds 6".to_owned();
        assert!(!header.is_same_run(&Header { made_by, ..header.clone() }));
        let peers = vec![Entry::new("Go", &Err("no compiler".to_owned()))];
        assert!(!header.is_same_run(&Header { peers, ..header.clone() }));
    }

    #[test]
    fn changed_sources_are_never_the_same_run() {
        let commit = format!("1234567{CHANGED}");
        let header = Header { commit, ..sample::header(Setting::Pinned) };
        assert!(!header.is_same_run(&header));
    }
}
