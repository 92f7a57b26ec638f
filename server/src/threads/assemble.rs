//! Wires the threads of a server: one acceptor, its workers, and the mailboxes between them.
//!
//! The server that ships, the simulation and the model checker are all assembled here, each with its own
//! pollers, wakers and sockets.

use std::sync::Arc;

use super::acceptor_loop::{AcceptorLoop, StopLimits};
use super::handoff::{Control, mailbox};
use super::worker_loop::WorkerLoop;
use crate::acceptor::Acceptor;
use crate::seams::journal::Journal;
use crate::seams::listener::Listener;
use crate::seams::poller::{Poller, Registry, Waker};
use crate::seams::stream::Stream;
use crate::stats::SharedStats;
use crate::worker::{Rules, Worker};

/// The size and the rules of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) num_workers: usize,
    /// Number of connections that may wait in one worker's channel.
    pub(crate) channel_capacity: usize,
    pub(crate) max_connections: u64,
    /// Length of the listen backlog. When the server stops, the acceptor accepts no more than these.
    pub(crate) backlog: u64,
    pub(crate) rules: Rules,
}

/// What the acceptor thread is given.
pub(crate) struct AcceptorParts<P, L, W> {
    /// It watches `listener`.
    pub(crate) poller: P,
    pub(crate) listener: L,
    /// Wakes the thread that sleeps in `poller`.
    pub(crate) waker: W,
}

/// What a worker thread is given.
pub(crate) struct WorkerParts<P, W, J> {
    pub(crate) poller: P,
    /// Wakes the thread that sleeps in `poller`.
    pub(crate) waker: W,
    pub(crate) journal: J,
}

/// The threads of a server, ready to run.
pub(crate) struct Assembly<P, L: Listener, W: Waker, J> {
    pub(crate) acceptor: AcceptorLoop<P, L, W>,
    pub(crate) workers: Vec<WorkerLoop<P, L::Stream, W, J>>,
    /// Stops them all.
    pub(crate) control: Arc<Control<W>>,
    /// Each worker's counters.
    pub(crate) stats: Vec<Arc<SharedStats>>,
}

/// Wires a server. `worker` returns the parts of the worker with a number, which counts from 0.
///
/// # Errors
/// The first error of `worker`.
pub(crate) fn assemble<P, L, W, J, E>(
    plan: &Plan,
    acceptor: AcceptorParts<P, L, W>,
    mut worker: impl FnMut(usize) -> Result<WorkerParts<P, W, J>, E>,
) -> Result<Assembly<P, L, W, J>, E>
where
    P: Poller + Registry<L::Stream>,
    L: Listener<Stream: Stream>,
    W: Waker,
    J: Journal,
{
    let control = Arc::new(Control::new(acceptor.waker));
    let (mut outboxes, mut workers, mut stats) = (vec![], vec![], vec![]);
    for number in 0..plan.num_workers {
        let WorkerParts { poller, waker, journal } = worker(number)?;
        let shared = Arc::new(SharedStats::default());
        let (outbox, inbox) = mailbox(plan.channel_capacity, waker, Arc::clone(&shared));
        let worker = Worker::new(&plan.rules, journal);
        workers.push(WorkerLoop::new(
            poller,
            inbox,
            worker,
            Arc::clone(&shared),
            Arc::clone(&control),
        ));
        outboxes.push(outbox);
        stats.push(shared);
    }
    let acceptor = AcceptorLoop::new(
        acceptor.poller,
        acceptor.listener,
        Acceptor::new(outboxes, plan.max_connections),
        Arc::clone(&control),
        StopLimits { backlog: plan.backlog, drain_timeout_ms: plan.rules.drain_timeout_ms },
    );
    Ok(Assembly { acceptor, workers, control, stats })
}
