//! One thread of the load: waits for events and times, and gives its connections their turns.
//!
//! A turn: wait; mark and drive each connection that has an event; drive those that asked for another
//! turn; wake those whose time has come; open what may be opened; look at the clock. It never sleeps
//! while something is left to do, and makes no system call for a connection that has nothing to do.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token, Waker};

use super::alarm::Alarm;
use super::clock::nanoseconds;
use super::connection::{Connection, Next};
use super::context::ThreadContext;
use super::cpu::{ThreadTime, ThreadUse, give_way};
use super::messages::{Message, Outcome, Tally};
use super::shared::Shared;
use crate::plan::Limit;
use crate::target::{Cpus, pin_current_thread};

const WAKER: Token = Token(usize::MAX - 1);
const ALARM: Token = Token(usize::MAX - 2);

/// Events taken from the system at a time.
const MAX_EVENTS: usize = 1024;

/// Connections opened before the others get a turn.
const MAX_OPENED: usize = 256;

/// The part of the timeout after which connections are looked at again.
const CHECKS_PER_TIMEOUT: u64 = 16;
const MIN_CHECK_NS: u64 = 1_000_000;
const MAX_CHECK_NS: u64 = 1_000_000_000;

/// A connection, and what its thread knows of it.
struct Seat {
    connection: Connection,
    /// Events of earlier ones in its place are not its own.
    generation: usize,
    /// When it wants a turn; `u64::MAX` when it does not.
    wake_ns: u64,
    is_ready: bool,
    /// It waits to be opened.
    is_queued: bool,
    is_over: bool,
    was_tried: bool,
}

/// What is read at the start of the measured part and at its end.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    at_ns: u64,
    tally: Tally,
    idle_ns: u64,
    time: ThreadTime,
}

/// See the module.
pub(crate) struct Driver<'a> {
    cx: ThreadContext<'a>,
    shared: &'a Shared,
    thread: usize,
    poll: Poll,
    events: Events,
    alarm: Alarm,
    /// Whoever wakes the thread may be gone by the time it wakes up: that is not to be undone.
    _waker: Arc<Waker>,
    seats: Vec<Seat>,
    ready: VecDeque<usize>,
    to_open: VecDeque<usize>,
    /// Between two openings, when there is a limit.
    open_gap_ns: Option<f64>,
    next_open_ns: f64,
    wakes: BinaryHeap<Reverse<(u64, usize)>>,
    next_check_ns: u64,
    untried: usize,
    live: usize,
    has_begun: bool,
    knows_end: bool,
    idle_ns: u64,
    /// The same when the last message came back.
    idle_at_last_back_ns: u64,
    started: Option<Reading>,
    ended: Option<Reading>,
}

/// What a thread needs that may be refused by the system.
pub(crate) struct Equipment {
    poll: Poll,
    alarm: Alarm,
    pub(crate) waker: Arc<Waker>,
}

impl Equipment {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Self { poll, alarm, waker })
    }
}

impl<'a> Driver<'a> {
    /// Drives the connections with these numbers.
    pub(crate) fn new(
        cx: ThreadContext<'a>,
        shared: &'a Shared,
        thread: usize,
        equipment: Equipment,
        numbers: impl Iterator<Item = u64>,
    ) -> Self {
        let seats: Vec<_> = numbers.map(|number| Seat::new(&cx, number)).collect();
        #[allow(clippy::cast_precision_loss)]
        let share = seats.len() as f64 / f64::from(cx.plan.connections);
        let open_gap_ns = cx.plan.connect_rate.map(|rate| 1e9 / (rate * share));
        Self {
            shared,
            thread,
            poll: equipment.poll,
            alarm: equipment.alarm,
            _waker: equipment.waker,
            events: Events::with_capacity(MAX_EVENTS),
            ready: VecDeque::with_capacity(seats.len()),
            to_open: (0..seats.len()).collect(),
            open_gap_ns,
            next_open_ns: 0.0,
            wakes: BinaryHeap::with_capacity(seats.len()),
            next_check_ns: 0,
            untried: seats.len(),
            live: seats.len(),
            has_begun: false,
            knows_end: false,
            idle_ns: 0,
            idle_at_last_back_ns: 0,
            started: None,
            ended: None,
            seats,
            cx,
        }
    }

    /// Runs to the end, and tells how it was.
    pub(crate) fn run_to_the_end(mut self) {
        let mut farewell = Farewell::new(self.shared, self.thread);
        if self.cx.plan.gives_way {
            give_way();
        }
        let result = self.pin().and_then(|()| self.turn_to_the_end());
        farewell.result = result.map(|()| Box::new(self.conclude()));
    }

    /// Keeps to the CPU that was chosen for this thread, if any was.
    fn pin(&self) -> Result<(), String> {
        let cpus = &self.cx.plan.cpus;
        match cpus.get(self.thread % cpus.len().max(1)) {
            None => Ok(()),
            Some(&cpu) => pin_current_thread(&Cpus::one(cpu)),
        }
    }

    fn turn_to_the_end(&mut self) -> Result<(), String> {
        while self.live > 0 {
            self.turn().map_err(|error| format!("wait for events: {error}"))?;
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        self.wait()?;
        let last_back_ns = self.cx.recorder.last_back_ns;
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            self.on_event(event);
        }
        events.clear();
        self.events = events;
        for _ in 0..self.ready.len() {
            if let Some(place) = self.ready.pop_front() {
                self.seats[place].is_ready = false;
                self.drive(place);
            }
        }
        let now_ns = self.cx.clock.now_ns();
        self.wake_due(now_ns);
        self.open_some(now_ns);
        self.look_at_the_clock(now_ns);
        if self.cx.recorder.last_back_ns != last_back_ns {
            self.idle_at_last_back_ns = self.idle_ns;
        }
        self.shared.publish(self.thread, self.cx.recorder.tally, self.cx.open);
        Ok(())
    }

    /// Waits for events, or for the time at which something is to be done.
    fn wait(&mut self) -> io::Result<()> {
        let before_ns = self.cx.clock.now_ns();
        let is_busy = self.cx.plan.busy_poll;
        let timeout = if self.ready.is_empty() && !is_busy {
            let until_ns = self.next_time_ns();
            self.alarm.wait_until(until_ns, before_ns)
        } else {
            Some(Duration::ZERO)
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let is_idle = match timeout {
            Some(Duration::ZERO) => self.ready.is_empty() && self.events.is_empty(),
            _ => true,
        };
        if is_idle {
            self.idle_ns += self.cx.clock.now_ns() - before_ns;
        }
        Ok(())
    }

    /// When something is to be done, whatever events come.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Positive, and centuries.
    fn next_time_ns(&self) -> u64 {
        let wake_ns = self.wakes.peek().map_or(u64::MAX, |Reverse((at_ns, _))| *at_ns);
        let open_ns = if self.to_open.is_empty() { u64::MAX } else { self.next_open_ns as u64 };
        let mark_ns = self.next_mark_ns();
        wake_ns.min(open_ns).min(self.next_check_ns).min(mark_ns)
    }

    /// The next time that divides the run into parts.
    fn next_mark_ns(&self) -> u64 {
        let window = self.cx.recorder.window;
        let Some(start_ns) = self.cx.start_ns else { return u64::MAX };
        if !self.has_begun {
            return start_ns;
        }
        if self.started.is_none() {
            return window.start_ns;
        }
        if self.ended.is_some() {
            return u64::MAX;
        }
        let interval_ns = nanoseconds(self.cx.plan.interval).max(1);
        let next_piece = self.cx.recorder.piece() + 1;
        let piece_ns = next_piece.saturating_mul(interval_ns).saturating_add(window.start_ns);
        piece_ns.min(window.end_ns)
    }

    fn on_event(&mut self, event: &Event) {
        match event.token() {
            WAKER => self.listen(),
            ALARM => {}
            Token(token) => {
                let (place, generation) = split(token);
                let seat = &mut self.seats[place];
                if seat.generation == generation {
                    seat.connection.mark(event);
                    self.drive(place);
                }
            }
        }
    }

    /// Somebody has news.
    fn listen(&mut self) {
        if self.shared.is_stopped() {
            self.cx.is_stopped = true;
            for place in 0..self.seats.len() {
                let next = self.seats[place].connection.abandon(&mut self.cx);
                self.settle(place, next);
            }
        } else {
            let window = self.shared.window();
            self.cx.recorder.window = window;
            self.cx.end_ns = window.end_ns;
            self.cx.start_ns = self.shared.start_ns();
        }
    }

    fn drive(&mut self, place: usize) {
        let next = self.seats[place].connection.drive(&mut self.cx);
        self.settle(place, next);
    }

    fn settle(&mut self, place: usize, next: Next) {
        let seat = &mut self.seats[place];
        match next {
            Next::Wait => {}
            Next::WaitUntil(at_ns) => {
                if seat.wake_ns != at_ns {
                    seat.wake_ns = at_ns;
                    self.wakes.push(Reverse((at_ns, place)));
                }
            }
            Next::Turn => self.make_ready(place),
            Next::Open => self.queue(place),
            Next::Over => {
                self.live -= usize::from(!std::mem::replace(&mut seat.is_over, true));
            }
        }
        self.note_try(place);
    }

    /// It may be asked for its next step, and want to be opened, while it waits for that already.
    fn queue(&mut self, place: usize) {
        if !std::mem::replace(&mut self.seats[place].is_queued, true) {
            self.to_open.push_back(place);
        }
    }

    fn make_ready(&mut self, place: usize) {
        if !std::mem::replace(&mut self.seats[place].is_ready, true) {
            self.ready.push_back(place);
        }
    }

    fn note_try(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        if seat.connection.was_tried && !std::mem::replace(&mut seat.was_tried, true) {
            self.untried -= 1;
            if self.untried == 0 {
                let made = self.seats.iter().filter(|seat| seat.connection.was_open).count() as u64;
                // Nobody listens only when the run was given up.
                let _ = self.shared.messages.send(Message::Tried { made });
            }
        }
    }

    /// Gives a turn to those whose time has come.
    fn wake_due(&mut self, now_ns: u64) {
        while let Some(&Reverse((at_ns, place))) = self.wakes.peek() {
            if at_ns > now_ns {
                return;
            }
            self.wakes.pop();
            let seat = &mut self.seats[place];
            if seat.wake_ns == at_ns {
                seat.wake_ns = u64::MAX;
                self.drive(place);
            }
        }
    }

    /// Opens connections, as many as the rate allows, and not too many at a time.
    #[allow(clippy::cast_precision_loss)]
    fn open_some(&mut self, now_ns: u64) {
        let now_ns = now_ns as f64;
        for _ in 0..MAX_OPENED {
            if self.next_open_ns > now_ns {
                return;
            }
            let Some(place) = self.next_to_open() else { return };
            if let Some(gap_ns) = self.open_gap_ns {
                // What was not opened in time is not made up for by a burst.
                self.next_open_ns = self.next_open_ns.max(now_ns - gap_ns) + gap_ns;
            }
            let seat = &mut self.seats[place];
            seat.generation = (seat.generation + 1) & PLACE_MASK;
            let token = join(place, seat.generation);
            let next = seat.connection.open(&mut self.cx, self.poll.registry(), token);
            self.settle(place, next);
        }
    }

    /// The next one that waits to be opened, and has not been given up meanwhile.
    fn next_to_open(&mut self) -> Option<usize> {
        loop {
            let place = self.to_open.pop_front()?;
            let seat = &mut self.seats[place];
            seat.is_queued = false;
            if !seat.is_over {
                return Some(place);
            }
        }
    }

    fn look_at_the_clock(&mut self, now_ns: u64) {
        if now_ns >= self.next_check_ns {
            self.check_patience(now_ns);
        }
        if now_ns >= self.next_mark_ns() {
            self.pass_mark(now_ns);
        }
        if !self.knows_end && self.cx.is_over(now_ns) {
            self.knows_end = true;
            (0..self.seats.len()).for_each(|place| self.make_ready(place));
        }
    }

    fn check_patience(&mut self, now_ns: u64) {
        let period_ns = self.cx.timeout_ns / CHECKS_PER_TIMEOUT;
        self.next_check_ns = now_ns + period_ns.clamp(MIN_CHECK_NS, MAX_CHECK_NS);
        for place in 0..self.seats.len() {
            let next = self.seats[place].connection.check(now_ns, &mut self.cx);
            self.settle(place, next);
        }
    }

    fn pass_mark(&mut self, now_ns: u64) {
        let window = self.cx.recorder.window;
        if !std::mem::replace(&mut self.has_begun, true) {
            (0..self.seats.len()).for_each(|place| self.make_ready(place));
        }
        if now_ns >= window.start_ns && self.started.is_none() {
            self.cx.recorder.start_measuring();
            self.started = Some(self.read(now_ns));
        }
        if now_ns >= window.end_ns && self.ended.is_none() {
            self.ended = Some(self.read(now_ns));
        }
        if self.started.is_some() && self.ended.is_none() {
            let interval_ns = nanoseconds(self.cx.plan.interval).max(1);
            self.cx.recorder.turn_to((now_ns - window.start_ns) / interval_ns);
        }
    }

    fn read(&self, at_ns: u64) -> Reading {
        let (tally, idle_ns) = (self.cx.recorder.counted(), self.idle_ns);
        Reading { at_ns, tally, idle_ns, time: ThreadTime::now() }
    }

    fn conclude(mut self) -> Outcome {
        let now = self.read(self.cx.clock.now_ns());
        let started = self.started.unwrap_or(now);
        let mut ended = self.ended.unwrap_or(now);
        let timed_ns = ended.at_ns - started.at_ns;
        if matches!(self.cx.plan.limit, Limit::Count(_)) && self.cx.quota == 0 {
            // How the last messages are lost and the connections end is no part of it.
            ended.at_ns = self.cx.recorder.last_back_ns.max(started.at_ns);
            ended.idle_ns = self.idle_at_last_back_ns.max(started.idle_ns);
        }
        if self.started.is_some() {
            self.cx.recorder.finish(ended.tally);
        }
        for seat in &mut self.seats {
            seat.connection.note_missing(ended.at_ns, &mut self.cx);
        }
        let plan = self.cx.plan;
        let window = self.cx.recorder.window;
        let unsent_until_ns = window.end_ns.min(ended.at_ns);
        let unsent_bursts = |seat: &Seat| match self.cx.start_ns {
            Some(start_ns) if self.cx.quota > 0 => {
                seat.connection.unsent_bursts(start_ns, window.start_ns, unsent_until_ns)
            }
            _ => 0,
        };
        let unsent = self.seats.iter().map(unsent_bursts).sum::<u64>() * u64::from(plan.send_burst);
        let recorder = self.cx.recorder;
        Outcome {
            established: self.seats.iter().filter(|seat| seat.connection.was_open).count() as u64,
            opened: recorder.opened,
            missing_ns: recorder.missing_ns,
            sent: recorder.sent,
            verified: recorder.verified,
            without_stamp: recorder.without_stamp,
            unsent,
            tally: ended.tally.since(started.tally),
            errors: recorder.errors,
            findings: recorder.findings,
            connect: recorder.connect,
            lateness: recorder.lateness,
            end_ns: ended.at_ns,
            thread: ThreadUse {
                measured_ns: ended.at_ns - started.at_ns,
                idle_ns: ended.idle_ns - started.idle_ns,
                time: ended.time.since(started.time),
                timed_ns,
            },
        }
    }
}

/// Tells that a thread is over when it is dropped: by a panic too, for which others would wait.
struct Farewell<'a> {
    shared: &'a Shared,
    thread: usize,
    result: Result<Box<Outcome>, String>,
}

impl<'a> Farewell<'a> {
    fn new(shared: &'a Shared, thread: usize) -> Self {
        Self { shared, thread, result: Err("a thread of the load tester panicked".to_owned()) }
    }
}

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Err(String::new()));
        // Nobody listens only when the run was given up.
        let _ = self.shared.messages.send(Message::Over { thread: self.thread, result });
    }
}

impl Seat {
    fn new(cx: &ThreadContext<'_>, number: u64) -> Self {
        Self {
            connection: Connection::new(cx, number),
            generation: 0,
            wake_ns: u64::MAX,
            is_ready: false,
            // All are to be opened when the thread begins.
            is_queued: true,
            is_over: false,
            was_tried: false,
        }
    }
}

/// A token is a seat's place and its generation, half of the bits each.
const GENERATION_SHIFT: u32 = usize::BITS / 2;
const PLACE_MASK: usize = usize::MAX >> GENERATION_SHIFT;

/// Connections that a thread has room for: the waker and the alarm have the tokens of later places.
pub(crate) const MAX_SEATS: usize = PLACE_MASK - 2;

fn join(place: usize, generation: usize) -> Token {
    debug_assert!(place < MAX_SEATS, "taken for the waker or the alarm");
    Token(place | (generation << GENERATION_SHIFT))
}

fn split(token: usize) -> (usize, usize) {
    (token & PLACE_MASK, token >> GENERATION_SHIFT)
}
