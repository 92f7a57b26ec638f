//! Processes that outlive their parents. They become children of this process, so that their CPU time
//! counts as its own. Knows nothing about what these processes do.

use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

/// How long orphans may take to end. They were killed or asked to end together with their parents.
const TIMEOUT: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(5);

/// While this value lives, orphans become children of this process.
#[derive(Debug)]
pub(super) struct Orphanage(());

impl Orphanage {
    /// Makes this process the parent of orphans.
    ///
    /// # Errors
    /// A sentence if the system refuses.
    pub(super) fn open() -> Result<Self, String> {
        set_child_subreaper(true)
            .map_err(|error| format!("become the parent of orphans: {error}"))?;
        Ok(Self(()))
    }

    /// Waits for all children to end, and returns whether none is left. The caller must have waited for
    /// its own children before, because afterwards nobody can.
    #[must_use]
    pub(super) fn reap(&self) -> bool {
        let deadline = Instant::now() + TIMEOUT;
        while is_one_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(PAUSE);
        }
        true
    }
}

impl Drop for Orphanage {
    fn drop(&mut self) {
        let _ = set_child_subreaper(false);
    }
}

/// Reaps the children that have ended, and returns whether another one still runs.
fn is_one_alive() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return true,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
