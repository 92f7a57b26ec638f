//! What the threads of a run share: orders to all of them, and what each has counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crossbeam_channel::Sender;
use crossbeam_utils::CachePadded;

use crate::engine::messages::{Message, Tally};
use crate::engine::protocol::window::Window;

/// The state that all threads can see.
pub(crate) struct Shared {
    /// When the load begins; 0 until that is known.
    start_ns: AtomicU64,
    /// Start and end of the measured part, once they are known.
    window_ns: [AtomicU64; 2],
    /// The run was given up.
    is_stopped: AtomicBool,
    panels: Vec<CachePadded<Panel>>,
    pub(crate) messages: Sender<Message>,
}

/// What a thread has counted so far. Only that thread writes it.
#[derive(Default)]
struct Panel {
    messages: AtomicU64,
    bytes: AtomicU64,
    errors: AtomicU64,
    open: AtomicU64,
}

impl Shared {
    pub(crate) fn new(threads: usize, messages: Sender<Message>) -> Self {
        Self {
            start_ns: AtomicU64::new(0),
            window_ns: [Window::UNKNOWN.start_ns, Window::UNKNOWN.end_ns].map(AtomicU64::new),
            is_stopped: AtomicBool::new(false),
            panels: (0..threads).map(|_| CachePadded::default()).collect(),
            messages,
        }
    }

    /// Sets when the load begins. The caller then wakes each thread, as after
    /// [`measure`](Self::measure) and [`stop`](Self::stop).
    pub(crate) fn start_at(&self, start_ns: u64) {
        self.start_ns.store(start_ns.max(1), Relaxed);
    }

    pub(crate) fn start_ns(&self) -> Option<u64> {
        Some(self.start_ns.load(Relaxed)).filter(|&start_ns| start_ns > 0)
    }

    pub(crate) fn measure(&self, window: Window) {
        let [start_ns, end_ns] = &self.window_ns;
        start_ns.store(window.start_ns, Relaxed);
        end_ns.store(window.end_ns, Relaxed);
    }

    pub(crate) fn window(&self) -> Window {
        let [start_ns, end_ns] = self.window_ns.each_ref().map(|at_ns| at_ns.load(Relaxed));
        Window { start_ns, end_ns }
    }

    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Relaxed)
    }

    pub(crate) fn publish(&self, thread: usize, tally: Tally, open: u64) {
        let panel = &self.panels[thread];
        panel.messages.store(tally.messages, Relaxed);
        panel.bytes.store(tally.bytes, Relaxed);
        panel.errors.store(tally.errors, Relaxed);
        panel.open.store(open, Relaxed);
    }

    /// Returns how many connections are open.
    pub(crate) fn open(&self) -> u64 {
        self.panels.iter().map(|panel| panel.open.load(Relaxed)).sum()
    }

    /// Returns what all threads together have counted.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for panel in &self.panels {
            sum.add(Tally {
                messages: panel.messages.load(Relaxed),
                bytes: panel.bytes.load(Relaxed),
                errors: panel.errors.load(Relaxed),
            });
        }
        sum
    }
}
