//! The limit on the open descriptors of the process. Each connection needs one descriptor.

/// Returns the number of descriptors that this process may have open (its soft `RLIMIT_NOFILE`), or
/// `None` where the system has no such limit.
#[must_use]
pub fn limit() -> Option<u64> {
    platform::limit()
}

/// Checks that this process may have `needed` descriptors. `what` names the things that need them.
///
/// # Errors
/// A sentence that names both numbers.
pub fn check(what: &str, needed: u64) -> Result<(), String> {
    match limit() {
        Some(limit) if limit < needed => Err(format!(
            "{what} need {needed} descriptors, and this process may have {limit} (ulimit -n)"
        )),
        _ => Ok(()),
    }
}

/// Raises the soft limit to the hard limit, and returns the soft limit afterwards. If the system
/// refuses, the soft limit stays as it was. The change affects the whole process, so only a `main`
/// calls this.
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
            // macOS refuses if the hard limit is above the limit of its kernel.
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
