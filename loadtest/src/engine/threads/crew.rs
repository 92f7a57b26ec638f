//! The threads of one load: starts them, gives them orders, and holds the channel on which they answer.
//! Knows neither what the threads do nor what their answers mean.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Scope};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::Waker;

use super::driver::{Driver, Equipment, MAX_SEATS, Post};
use super::shared::Shared;
use crate::engine::context::ThreadContext;
use crate::engine::messages::{Latencies, Message};
use crate::engine::protocol::content::Content;
use crate::engine::protocol::orders::Orders;
use crate::engine::protocol::recorder::Recorder;
use crate::engine::protocol::window::Window;
use crate::engine::system::clock::Clock;
use crate::plan::{Limit, Plan};

/// A load that is about to begin, with everything that its threads borrow.
pub(crate) struct Work<'a> {
    plan: &'a Plan,
    /// The number of the load's first connection.
    first: u64,
    connections: usize,
    threads: usize,
    content: Content,
    clock: Clock,
    shared: Shared,
    inbox: Receiver<Message>,
    recycling: Sender<Latencies>,
    recycled: Receiver<Latencies>,
}

impl<'a> Work<'a> {
    /// Returns the work of a plan that keeps all rules. Its connections have the numbers from `first`
    /// on.
    pub(crate) fn new(plan: &'a Plan, first: u64, clock: Clock) -> Self {
        let connections = plan.our_connections().len();
        let threads = connections.min(plan.threads as usize);
        let (messages, inbox) = unbounded();
        let (recycling, recycled) = unbounded();
        Self {
            plan,
            first,
            connections,
            threads,
            content: Content::new(plan.seed, &plan.sizes),
            clock,
            shared: Shared::new(threads, messages),
            inbox,
            recycling,
            recycled,
        }
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections as u64
    }

    pub(crate) fn threads(&self) -> u64 {
        self.threads as u64
    }

    /// Starts the threads. Each is called `name` and has a number.
    ///
    /// # Errors
    /// A sentence when a thread would have too many connections, or the system refuses what the threads
    /// need. Threads that were started end.
    pub(crate) fn start<'scope>(
        &'scope self,
        name: &str,
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<Crew<'scope>, String> {
        let most = self.connections.div_ceil(self.threads);
        if most > MAX_SEATS {
            return Err(format!("{most} connections on one thread: there is room for {MAX_SEATS}"));
        }
        let equipment: io::Result<Vec<_>> = (0..self.threads).map(|_| Equipment::new()).collect();
        let equipment = equipment.map_err(|error| format!("create an event queue: {error}"))?;
        let crew = Crew {
            plan: self.plan,
            clock: self.clock,
            shared: &self.shared,
            wakers: equipment.iter().map(|equipment| Arc::clone(&equipment.waker)).collect(),
            inbox: &self.inbox,
            recycling: &self.recycling,
        };
        for (thread, equipment) in equipment.into_iter().enumerate() {
            let driver = self.driver(thread, equipment);
            let started = thread::Builder::new().name(format!("{name}-{thread}")).spawn_scoped(
                scope,
                move || {
                    // The driver tells the coordinator of a panic. The scope must not panic as well.
                    let _ = catch_unwind(AssertUnwindSafe(|| driver.run_to_the_end()));
                },
            );
            started.map_err(|error| format!("start a thread: {error}"))?;
        }
        Ok(crew)
    }

    fn driver(&self, thread: usize, equipment: Equipment) -> Driver<'_> {
        let numbers = self.plan.our_connections().map(|number| self.first + number);
        let ours = numbers.skip(thread).step_by(self.threads);
        let mut orders = Orders::new(self.plan, &self.content);
        if let Limit::Count(count) = self.plan.limit {
            orders.quota = self.plan.part_of(count, ours.clone());
        }
        let cx = ThreadContext::new(orders, self.clock, Recorder::new(self.plan, thread));
        let post = Post { thread, shared: &self.shared, recycled: self.recycled.clone() };
        Driver::new(cx, post, equipment, ours)
    }
}

/// The threads of a load. Dropping it tells all threads to end.
pub(crate) struct Crew<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) clock: Clock,
    pub(crate) shared: &'a Shared,
    wakers: Vec<Arc<Waker>>,
    pub(crate) inbox: &'a Receiver<Message>,
    pub(crate) recycling: &'a Sender<Latencies>,
}

impl Crew<'_> {
    pub(crate) fn len(&self) -> usize {
        self.wakers.len()
    }

    /// Tells all threads that the load begins at this time.
    pub(crate) fn begin(&self, start_ns: u64) {
        self.shared.start_at(start_ns);
        self.wake_all();
    }

    /// Tells all threads to measure the messages that are due in this window, and to send nothing after
    /// it.
    pub(crate) fn measure(&self, window: Window) {
        self.shared.measure(window);
        self.wake_all();
    }

    /// Tells all threads to end at once.
    pub(crate) fn give_up(&self) {
        self.shared.stop();
        self.wake_all();
    }

    fn wake_all(&self) {
        for waker in &self.wakers {
            // A thread that cannot be woken is over.
            let _ = waker.wake();
        }
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_a_thread_has_room_for_are_refused() {
        let plan = Plan {
            connections: u32::MAX,
            threads: 1,
            ..Plan::new(([127, 0, 0, 1], 9).into(), Limit::Count(1))
        };
        let work = Work::new(&plan, 0, Clock::start());
        let error = thread::scope(|scope| work.start("load", scope).err());
        let text = "4294967295 connections on one thread: there is room for 4294967293";
        assert_eq!(error.as_deref(), Some(text));
    }
}
