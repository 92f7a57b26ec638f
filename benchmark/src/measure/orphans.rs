//! Processes whose parents end before them. They get this process as their parent, so that what they
//! take counts among its children. Knows neither what they are nor what they do.

use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

/// They are killed, or told to end, together with their parents: it takes a moment.
const PATIENCE: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(5);

/// Takes orphans in until it is dropped.
#[derive(Debug)]
pub(crate) struct Orphanage(());

impl Orphanage {
    /// # Errors
    /// A sentence when the system does not let it.
    pub(crate) fn open() -> Result<Self, String> {
        set_child_subreaper(true)
            .map_err(|error| format!("become the parent of orphans: {error}"))?;
        Ok(Self(()))
    }

    /// Reaps them, and waits for those that are about to end; says whether none is left. Every other child
    /// has to be reaped before: nobody else could wait for it any more.
    #[must_use]
    pub(crate) fn reap(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
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

/// Reaps all that have ended.
fn is_one_alive() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return true,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
