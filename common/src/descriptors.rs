//! The process's limit on open descriptors: each connection needs one.

/// The number of descriptors this process may have open (its soft `RLIMIT_NOFILE`), or `None`
/// where the system has no such limit.
#[must_use]
pub fn limit() -> Option<u64> {
    platform::limit()
}

/// Raises the soft limit to the hard one and returns the limit now in force. A refusal is no
/// error: the old limit then stays in force. The change is process-wide, so only a `main` calls
/// this.
pub fn raise_limit() -> Option<u64> {
    platform::raise();
    limit()
}

#[cfg(unix)]
mod platform {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    pub(super) fn limit() -> Option<u64> {
        getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
    }

    pub(super) fn raise() {
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
            && soft < hard
        {
            // Refused where the hard limit is above what the kernel grants (macOS): keep the old.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
    }
}

#[cfg(not(unix))]
mod platform {
    pub(super) fn limit() -> Option<u64> {
        None
    }

    pub(super) fn raise() {}
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_limit_is_never_lowered() {
        let before = super::limit();
        assert!(super::raise_limit() >= before);
    }
}
