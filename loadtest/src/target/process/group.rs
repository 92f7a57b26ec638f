//! The process groups that run, and how they end. On systems without groups, single processes.

use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The groups that run. The lock is held while a process is started or reaped, so that a number in the
/// list never belongs to a stranger.
static GROUPS: Mutex<Groups> = Mutex::new(Groups { leaders: vec![], closed: false });

struct Groups {
    leaders: Vec<u32>,
    /// The load tester ends, and starts no more processes.
    closed: bool,
}

fn groups() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Groups {
    fn forget(&mut self, child: &Child) {
        self.leaders.retain(|leader| *leader != child.id());
    }
}

/// Kills every process that was started here, and lets no more start. A load tester that ends without
/// unwinding calls this first.
pub fn kill_all() {
    let mut groups = groups();
    groups.closed = true;
    groups.leaders.iter().for_each(|leader| system::kill(*leader));
}

pub(super) fn spawn(command: &mut Command) -> Result<Child, String> {
    let mut groups = groups();
    if groups.closed {
        return Err("the load tester is about to end".to_owned());
    }
    system::in_its_own_group(command);
    let child = command.spawn().map_err(|error| error.to_string())?;
    groups.leaders.push(child.id());
    Ok(child)
}

pub(super) fn ask_to_end(child: &mut Child) {
    system::ask_to_end(child);
}

/// Returns the status of a leader that has ended, after killing what is left of its group.
pub(super) fn reap(child: &mut Child) -> Option<ExitStatus> {
    let mut groups = groups();
    // This fails only for a process that is not our child.
    let status = child.try_wait().ok().flatten()?;
    // The group keeps its number as long as it has a member. If it has none, no other process can have
    // the number yet, because the system gives numbers out in turn.
    system::kill(child.id());
    groups.forget(child);
    Some(status)
}

/// Kills the whole group, and waits for its leader to end.
pub(super) fn kill(child: &mut Child) -> Option<ExitStatus> {
    let mut groups = groups();
    system::kill(child.id());
    // This is for systems without groups.
    let _ = child.kill();
    let status = child.wait().ok();
    groups.forget(child);
    status
}

#[cfg(unix)]
mod system {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command};

    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    pub(super) fn in_its_own_group(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn ask_to_end(child: &mut Child) {
        signal(child.id(), Signal::SIGTERM);
    }

    pub(super) fn kill(leader: u32) {
        signal(leader, Signal::SIGKILL);
    }

    fn signal(leader: u32, signal: Signal) {
        // Number 0 would mean our own group, and 1 every process.
        if let Some(group) = i32::try_from(leader).ok().filter(|group| *group > 1) {
            // A group that is gone needs no signal.
            let _ = killpg(Pid::from_raw(group), signal);
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::process::{Child, Command};

    pub(super) fn in_its_own_group(_: &mut Command) {}

    /// Does nothing: there is no way to ask.
    pub(super) fn ask_to_end(child: &mut Child) {
        let _ = child.kill();
    }

    pub(super) fn kill(_: u32) {}
}
