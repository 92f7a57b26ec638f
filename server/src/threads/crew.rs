//! Runs the threads of a server together. When one ends, for whatever reason, the others drain and end
//! too.

use std::io;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::handoff::Control;
use crate::error::ServerError;
use crate::seams::poller::Waker;

/// What one thread does.
pub(crate) struct Job {
    pub(crate) thread: String,
    pub(crate) work: Box<dyn FnOnce() -> io::Result<()> + Send>,
}

/// Runs each job on a thread of its own, and `watch` on the caller's thread. Returns after all have
/// ended. The channel that `watch` receives is disconnected once no thread is left.
///
/// # Errors
/// The first failure. If a thread cannot start, the jobs after it are dropped, the acceptor's among
/// them. The workers that run already then find the end of their channels, drain and end.
pub(crate) fn run<W: Waker + Send + Sync>(
    jobs: Vec<Job>,
    control: &Arc<Control<W>>,
    watch: impl FnOnce(&Receiver<()>),
) -> Result<(), ServerError> {
    thread::scope(|scope| {
        let (all_ended, ended) = bounded(0);
        let alive = || Alive { control: Arc::clone(control), _all_ended: all_ended.clone() };
        let (running, failure) = spawn(scope, jobs, alive);
        drop(all_ended);
        watch(&ended);
        let failures: Vec<ServerError> = running.into_iter().filter_map(join).collect();
        failure.or(failures.into_iter().next()).map_or(Ok(()), Err)
    })
}

/// Held by each thread, and dropped when the thread ends or panics. Dropping it stops the server.
struct Alive<W: Waker> {
    control: Arc<Control<W>>,
    _all_ended: Sender<()>,
}

impl<W: Waker> Drop for Alive<W> {
    fn drop(&mut self) {
        self.control.stop();
    }
}

struct RunningThread<'scope> {
    name: String,
    handle: ScopedJoinHandle<'scope, io::Result<()>>,
}

/// Starts the threads up to the first that cannot be started. Each holds what `alive` returns.
fn spawn<'scope, A: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: Vec<Job>,
    alive: impl Fn() -> A,
) -> (Vec<RunningThread<'scope>>, Option<ServerError>) {
    let mut running = vec![];
    for Job { thread: name, work } in jobs {
        let alive = alive();
        let thread = thread::Builder::new().name(name.clone()).spawn_scoped(scope, move || {
            let _alive = alive;
            work()
        });
        match thread {
            Ok(handle) => running.push(RunningThread { name, handle }),
            Err(source) => return (running, Some(ServerError::Spawn { thread: name, source })),
        }
    }
    (running, None)
}

/// Waits for the end of a thread. Returns its failure, if it failed.
fn join(RunningThread { name: thread, handle }: RunningThread<'_>) -> Option<ServerError> {
    match handle.join() {
        Ok(Ok(())) => None,
        Ok(Err(source)) => Some(ServerError::Run { thread, source }),
        Err(_panic) => Some(ServerError::Panic { thread }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoWaker;

    impl Waker for NoWaker {
        fn wake(&self) {}
    }

    #[test]
    fn a_thread_that_panics_stops_the_others_and_is_named() {
        let control = Arc::new(Control::new(NoWaker));
        let work = Box::new(|| panic!("on purpose"));
        let jobs = vec![Job { thread: "worker-0".to_owned(), work }];
        let failure = run(jobs, &control, |ended| assert!(ended.recv().is_err()));
        assert!(control.is_stopping());
        assert_eq!(failure.unwrap_err().to_string(), "thread worker-0 panicked");
    }
}
