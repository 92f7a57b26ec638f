//! One thread of the load: waits for events and times, and gives its connections their turns.
//!
//! A turn: wait; mark and drive each connection that has an event; drive those that asked for another
//! turn; wake those whose time has come; open what may be opened; look at the clock. The thread never
//! sleeps while something is left to do, and makes no system call for a connection that has nothing to
//! do.

mod measurement;
mod openings;
#[cfg(test)]
mod tests;
mod tokens;
mod turns;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use mio::event::Event;
use mio::{Events, Poll, Token, Waker};

use super::shared::Shared;
use crate::engine::connection::{Connection, Next};
use crate::engine::context::ThreadContext;
use crate::engine::messages::{Latencies, Message, Outcome, Piece};
use crate::engine::protocol::orders::Orders;
use crate::engine::system::alarm::Alarm;
use crate::engine::system::cpu::give_way;
use crate::engine::system::socket::{self, Socket};
use crate::target::{Cpus, pin_current_thread};
use measurement::{Measured, Measurement};
pub(crate) use tokens::MAX_SEATS;
use tokens::{ALARM, WAKER};
use turns::Turns;

/// Maximum number of events taken from the system at a time.
const MAX_EVENTS: usize = 1024;

/// Maximum number of connections opened before the others get a turn.
const MAX_OPENED: usize = 256;

/// How often within the timeout connections are looked at again.
const CHECKS_PER_TIMEOUT: u64 = 16;
const MIN_CHECK_NS: u64 = 1_000_000;
const MAX_CHECK_NS: u64 = 1_000_000_000;

/// A connection, and what its thread knows about it.
struct Seat {
    connection: Connection<Socket>,
    /// Counts the connections that have replaced each other in this seat. Events of earlier ones are
    /// dropped.
    generation: usize,
    /// The seat has been counted as tried.
    was_tried: bool,
}

/// The connections of one thread, and what is to be done with them.
pub(crate) struct Driver<'a> {
    cx: ThreadContext<'a>,
    post: Post<'a>,
    poll: Poll,
    events: Events,
    alarm: Alarm,
    /// Kept because the thread that wakes this one may be gone before this one wakes up.
    _waker: Arc<Waker>,
    seats: Vec<Seat>,
    turns: Turns,
    next_check_ns: u64,
    /// How many connections have not been tried.
    untried: usize,
    /// All connections have had a turn since the end of the load.
    knows_end: bool,
    measurement: Measurement,
}

/// What a thread needs that the system may refuse.
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

/// How a thread talks to the others.
pub(crate) struct Post<'a> {
    pub(crate) thread: usize,
    pub(crate) shared: &'a Shared,
    /// Histograms that may be used again.
    pub(crate) recycled: Receiver<Latencies>,
}

impl<'a> Driver<'a> {
    /// Returns the driver of the connections with these numbers.
    pub(crate) fn new(
        cx: ThreadContext<'a>,
        post: Post<'a>,
        equipment: Equipment,
        numbers: impl Iterator<Item = u64>,
    ) -> Self {
        let seats: Vec<_> = numbers.map(|number| Seat::new(&cx.orders, number)).collect();
        Self {
            post,
            poll: equipment.poll,
            alarm: equipment.alarm,
            _waker: equipment.waker,
            events: Events::with_capacity(MAX_EVENTS),
            turns: Turns::new(cx.orders.plan, seats.len()),
            next_check_ns: 0,
            untried: seats.len(),
            knows_end: false,
            measurement: Measurement::new(cx.orders.plan.interval),
            seats,
            cx,
        }
    }

    /// Runs to the end of the load, and sends the outcome to the coordinator.
    pub(crate) fn run_to_the_end(mut self) {
        let mut farewell = Farewell::new(self.post.shared, self.post.thread);
        if self.cx.orders.plan.gives_way {
            give_way();
        }
        let result = self.pin().and_then(|()| self.turn_to_the_end());
        farewell.result = result.map(|()| Box::new(self.conclude()));
    }

    /// Keeps to the CPU that was chosen for this thread, if any was.
    fn pin(&self) -> Result<(), String> {
        let cpus = &self.cx.orders.plan.cpus;
        match cpus.get(self.post.thread % cpus.len().max(1)) {
            None => Ok(()),
            Some(&cpu) => pin_current_thread(&Cpus::one(cpu)),
        }
    }

    fn turn_to_the_end(&mut self) -> Result<(), String> {
        while !self.turns.are_over() {
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
        for _ in 0..self.turns.ready_len() {
            if let Some(place) = self.turns.take_ready() {
                self.drive(place);
            }
        }
        let now_ns = self.cx.clock.now_ns();
        while let Some(place) = self.turns.take_due(now_ns) {
            self.drive(place);
        }
        self.open_some(now_ns);
        self.look_at_the_clock(now_ns);
        if self.cx.recorder.last_back_ns != last_back_ns {
            self.measurement.note_back();
        }
        self.post.shared.publish(self.post.thread, self.cx.recorder.tally, self.cx.open);
        Ok(())
    }

    /// Waits for events, or for the time at which something is to be done.
    fn wait(&mut self) -> io::Result<()> {
        let before_ns = self.cx.clock.now_ns();
        let is_busy = self.cx.orders.plan.busy_poll;
        let timeout = if self.turns.ready_len() == 0 && !is_busy {
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
            Some(Duration::ZERO) => self.turns.ready_len() == 0 && self.events.is_empty(),
            _ => true,
        };
        if is_idle {
            self.measurement.add_idle(self.cx.clock.now_ns() - before_ns);
        }
        Ok(())
    }

    /// Returns the time of the next timed task.
    fn next_time_ns(&self) -> u64 {
        let mark_ns = self.measurement.next_mark_ns(&self.cx);
        self.turns.next_ns().min(self.next_check_ns).min(mark_ns)
    }

    fn on_event(&mut self, event: &Event) {
        match event.token() {
            WAKER => self.listen(),
            ALARM => {}
            Token(token) => {
                let (place, generation) = tokens::split(token);
                let seat = &mut self.seats[place];
                if seat.generation == generation {
                    seat.connection.mark(socket::readiness(event));
                    self.drive(place);
                }
            }
        }
    }

    /// Reads the orders for which the thread was woken.
    fn listen(&mut self) {
        if self.post.shared.is_stopped() {
            self.cx.orders.is_stopped = true;
            for place in 0..self.seats.len() {
                let next = self.seats[place].connection.abandon(&mut self.cx);
                self.settle(place, next);
            }
        } else {
            let window = self.post.shared.window();
            self.cx.recorder.window = window;
            self.cx.orders.end_ns = window.end_ns;
            self.cx.orders.start_ns = self.post.shared.start_ns();
        }
    }

    fn drive(&mut self, place: usize) {
        let next = self.seats[place].connection.drive(&mut self.cx);
        self.settle(place, next);
    }

    fn settle(&mut self, place: usize, next: Next) {
        self.turns.settle(place, next);
        self.note_try(place);
    }

    /// Notes whether the connection has been tried. Tells the coordinator when all have been tried.
    fn note_try(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        if seat.connection.was_tried() && !std::mem::replace(&mut seat.was_tried, true) {
            self.untried -= 1;
            if self.untried == 0 {
                self.tell(Message::Tried { made: self.established() });
            }
        }
    }

    /// Returns how many connections were open at least once.
    fn established(&self) -> u64 {
        self.seats.iter().filter(|seat| seat.connection.was_open()).count() as u64
    }

    fn tell(&self, message: Message) {
        // Nobody listens only when the run was given up.
        let _ = self.post.shared.messages.send(message);
    }

    fn hand_over(&self, piece: Piece) {
        self.tell(Message::Piece(Box::new(piece)));
    }

    /// Opens connections at the rate that was asked for, and not too many in one turn.
    fn open_some(&mut self, now_ns: u64) {
        for _ in 0..MAX_OPENED {
            let Some(place) = self.turns.take_opening(now_ns) else { return };
            let seat = &mut self.seats[place];
            seat.generation = tokens::next_generation(seat.generation);
            let token = tokens::join(place, seat.generation);
            let (plan, registry) = (self.cx.orders.plan, self.poll.registry());
            let connect = |number| socket::connect(plan, number, registry, token);
            let next = seat.connection.open(&mut self.cx, connect);
            self.settle(place, next);
        }
    }

    fn look_at_the_clock(&mut self, now_ns: u64) {
        if now_ns >= self.next_check_ns {
            self.check_patience(now_ns);
        }
        if now_ns >= self.measurement.next_mark_ns(&self.cx) {
            self.pass_marks(now_ns);
        }
        if !self.knows_end && self.cx.orders.is_over(now_ns) {
            self.knows_end = true;
            self.turns.make_all_ready();
        }
    }

    fn check_patience(&mut self, now_ns: u64) {
        let period_ns = self.cx.orders.timeout_ns / CHECKS_PER_TIMEOUT;
        self.next_check_ns = now_ns + period_ns.clamp(MIN_CHECK_NS, MAX_CHECK_NS);
        for place in 0..self.seats.len() {
            let next = self.seats[place].connection.check(now_ns, &mut self.cx);
            self.settle(place, next);
        }
    }

    fn pass_marks(&mut self, now_ns: u64) {
        if self.measurement.is_waiting() {
            self.turns.make_all_ready();
        }
        let piece = self.measurement.pass_marks(now_ns, &mut self.cx.recorder);
        if let Some(number) = piece.filter(|&number| number > self.cx.recorder.piece()) {
            let recycled = self.post.recycled.try_recv().ok();
            let piece = self.cx.recorder.turn_to(number, recycled);
            self.hand_over(piece);
        }
    }

    fn conclude(mut self) -> Outcome {
        let Measured { tally_at_end, tally, end_ns, thread } = self.measurement.conclude(&self.cx);
        if let Some(tally_at_end) = tally_at_end {
            let piece = self.cx.recorder.finish(tally_at_end);
            self.hand_over(piece);
        }
        for seat in &mut self.seats {
            seat.connection.note_missing(end_ns, &mut self.cx);
        }
        let (unsent, established) = (self.unsent(end_ns), self.established());
        let recorder = self.cx.recorder;
        Outcome {
            established,
            opened: recorder.opened,
            missing_ns: recorder.missing_ns,
            sent: recorder.sent,
            verified: recorder.verified,
            without_stamp: recorder.without_stamp,
            unsent,
            tally,
            errors: recorder.errors,
            findings: recorder.findings,
            connect: recorder.connect,
            lateness: recorder.lateness,
            end_ns,
            thread,
        }
    }

    /// Returns how many messages of the measured part were due up to `end_ns` and were not sent.
    fn unsent(&self, end_ns: u64) -> u64 {
        let (orders, window) = (&self.cx.orders, self.cx.recorder.window);
        let Some(start_ns) = orders.start_ns.filter(|_| orders.quota > 0) else { return 0 };
        let until_ns = window.end_ns.min(end_ns);
        let of_seat =
            |seat: &Seat| seat.connection.unsent_bursts(start_ns, window.start_ns, until_ns);
        self.seats.iter().map(of_seat).sum::<u64>() * u64::from(orders.plan.send_burst)
    }
}

/// Tells the coordinator, when it is dropped, that its thread is over. A panic drops it too. Without
/// it, the coordinator would wait for a thread that panicked.
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
    fn new(orders: &Orders<'_>, number: u64) -> Self {
        Self { connection: Connection::new(orders, number), generation: 0, was_tried: false }
    }
}
