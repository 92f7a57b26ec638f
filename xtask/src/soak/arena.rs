//! The state that all actors share: the server, the remaining time, and the counts so far.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use echo_tests::random::Random;
use echo_tests::wait::Over;

use crate::load::{Echoed, Load, Session, Target};

/// Number of loopback addresses from which actors connect, apart from the crowd.
const SOURCES: u8 = 8;

/// What all actors together have done so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) load: Load,
    /// The echo that was compared, including that of connections that broke.
    pub(super) compared: Echoed,
    pub(super) resets: u64,
    /// Number of killed processes.
    pub(super) kills: u64,
    /// How often the server was stopped and continued.
    pub(super) stops: u64,
}

#[derive(Debug)]
pub(super) struct Arena<'a> {
    pub(super) target: &'a Target,
    pub(super) over: Over,
    deadline: Instant,
    counts: Mutex<Counts>,
}

impl<'a> Arena<'a> {
    pub(super) fn new(target: &'a Target, deadline: Instant) -> Self {
        Self { target, over: Over::default(), deadline, counts: Mutex::default() }
    }

    /// Whether all actors must finish now.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_over()
    }

    /// Whether at least `duration` is left.
    pub(super) fn has_time_for(&self, duration: Duration) -> bool {
        Instant::now() + duration < self.deadline
    }

    /// Sleeps for a random time of up to `max`. Returns early if the time is over.
    pub(super) fn pause(&self, random: &mut Random, max: Duration) {
        const STEP: Duration = Duration::from_millis(20);
        let micros = usize::try_from(max.as_micros()).unwrap();
        let end = Instant::now() + Duration::from_micros(random.up_to(micros) as u64);
        while !self.is_over() && Instant::now() < end {
            thread::sleep(STEP.min(end.saturating_duration_since(Instant::now())));
        }
    }

    /// Makes and counts a connection. The caller must send something on it.
    #[track_caller]
    pub(super) fn connect(&self, random: &mut Random) -> Session {
        let session = self.probe(random);
        self.count(|counts| counts.load.connections += 1);
        session
    }

    /// Makes a connection without counting it.
    #[track_caller]
    pub(super) fn probe(&self, random: &mut Random) -> Session {
        let source = 1 + random.number().to_le_bytes()[0] % SOURCES;
        Session::connect(self.target.addr(), source)
    }

    /// Counts the echo of one or several connections that ended well.
    pub(super) fn ended(&self, echoed: Echoed) {
        self.count(|counts| {
            counts.load.echoed += echoed;
            counts.compared += echoed;
        });
    }

    /// Counts a connection that was reset.
    pub(super) fn reset(&self, echoed: Echoed) {
        self.count(|counts| {
            counts.load.broken += 1;
            counts.resets += 1;
            counts.compared += echoed;
        });
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap());
    }

    pub(super) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }
}
