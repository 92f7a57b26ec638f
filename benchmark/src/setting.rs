//! How the servers and the load tester share the machine. Data only.

/// A way to share the machine. Each setting has its own file of results and its own page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Setting {
    /// The server has one worker on CPU 0, the load tester has one thread on CPU 1.
    Pinned,
    /// The server has two workers, and the system chooses the CPUs.
    Unpinned,
}

impl Setting {
    pub(crate) const ALL: [Self; 2] = [Self::Pinned, Self::Unpinned];

    /// Returns the name in files and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }

    /// Returns the name in documents.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Pinned => "one worker, pinned",
            Self::Unpinned => "two workers, not pinned",
        }
    }

    /// Returns the number of worker threads of each server.
    pub(crate) fn workers(self) -> u32 {
        match self {
            Self::Pinned => 1,
            Self::Unpinned => 2,
        }
    }

    /// Returns the flags of `loadtest compare`.
    pub(crate) fn flags(self) -> &'static str {
        match self {
            Self::Pinned => "--threads 1 --pin-server 0 --pin-client 1",
            Self::Unpinned => "",
        }
    }
}
