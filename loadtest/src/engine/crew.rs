//! The threads of one load: started, told what to do, and heard. Knows neither what they do nor what
//! becomes of what they say.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Scope};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::Waker;

use super::clock::Clock;
use super::content::Content;
use super::context::ThreadContext;
use super::driver::{Driver, Equipment, MAX_SEATS};
use super::messages::{Latencies, Message};
use super::recorder::Recorder;
use super::shared::Shared;
use super::window::Window;
use crate::plan::{Limit, Plan};

/// A load that is about to begin, with all that its threads borrow.
pub(crate) struct Work<'a> {
    plan: &'a Plan,
    /// The number of its first connection.
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
    /// # Errors
    /// A sentence when there is nothing to do.
    pub(crate) fn new(plan: &'a Plan, first: u64, clock: Clock) -> Result<Self, String> {
        let connections = plan.our_connections().len();
        if connections == 0 {
            return Err(format!(
                "agent {} of {} has nothing to do: there are {} connections",
                plan.share.index, plan.share.count, plan.connections
            ));
        }
        let threads = connections.min(plan.threads as usize);
        let (messages, inbox) = unbounded();
        let (recycling, recycled) = unbounded();
        Ok(Self {
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
        })
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections as u64
    }

    pub(crate) fn threads(&self) -> u64 {
        self.threads as u64
    }

    /// Starts the threads, which are called `name` and their number.
    ///
    /// # Errors
    /// A sentence when they would have too many connections each, or the system refuses what they
    /// need; those that were started end.
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
                    // That it panicked is told by the driver; the scope needs not panic as well.
                    let _ = catch_unwind(AssertUnwindSafe(|| driver.run_to_the_end()));
                },
            );
            started.map_err(|error| format!("start a thread: {error}"))?;
        }
        Ok(crew)
    }

    fn driver(&self, thread: usize, equipment: Equipment) -> Driver<'_> {
        let recorder = Recorder::new(self.plan, thread, &self.shared.messages, &self.recycled);
        let mut cx = ThreadContext::new(self.plan, &self.content, self.clock, recorder);
        let numbers = self.plan.our_connections().map(|number| self.first + number);
        let ours = numbers.skip(thread).step_by(self.threads);
        if let Limit::Count(count) = self.plan.limit {
            cx.quota = self.plan.part_of(count, ours.clone());
        }
        Driver::new(cx, &self.shared, thread, equipment, ours)
    }
}

/// The threads of a load. Those that still run when it is dropped are told to end.
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

    /// The load begins at this time.
    pub(crate) fn begin(&self, start_ns: u64) {
        self.shared.start_at(start_ns);
        self.wake_all();
    }

    /// What is due in this window is measured; nothing more is sent after it.
    pub(crate) fn measure(&self, window: Window) {
        self.shared.measure(window);
        self.wake_all();
    }

    /// All threads are to end at once.
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
        let work = Work::new(&plan, 0, Clock::start()).expect("there is something to do");
        let error = thread::scope(|scope| work.start("load", scope).err());
        let text = "4294967295 connections on one thread: there is room for 4294967293";
        assert_eq!(error.as_deref(), Some(text));
    }
}
