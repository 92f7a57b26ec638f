//! What one connection says and what it has to hear: which messages may go out now, whether the bytes
//! that come back are right, and when a reply is late.
//!
//! Knows no socket and no clock: bytes and times go in, decisions come out.
//! [`Connection`](crate::engine::connection::Connection) moves the bytes.

use super::arrivals::Arrivals;
use super::exchange::{Exchange, Times, Wrong};
use super::orders::Orders;
use super::recorder::{Receipt, Recorder};
use crate::plan::Plan;

/// The messages of one connection and of those that replace it.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) exchange: Exchange,
    /// The schedule of an open loop.
    arrivals: Option<Arrivals>,
    /// How many messages may still be sent before the connection is replaced.
    messages_left: u64,
    /// When the connection would have been free for the next message if every earlier message had been
    /// sent on time.
    free_since_ns: u64,
    /// How late the last message was sent.
    late_ns: u64,
}

impl Conversation {
    /// Returns the conversation of the connection with this number, before its first message.
    pub(crate) fn new(plan: &Plan, number: u64) -> Self {
        Self {
            exchange: Exchange::new(number, plan.depth),
            arrivals: Arrivals::new(plan, number),
            messages_left: 0,
            free_since_ns: 0,
            late_ns: 0,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.exchange.connection()
    }

    /// Returns how many bursts were due between these times and were not sent.
    pub(crate) fn unsent_bursts(&self, start_ns: u64, from_ns: u64, end_ns: u64) -> u64 {
        let [from_ns, end_ns] = [from_ns, end_ns].map(|at_ns| at_ns.saturating_sub(start_ns));
        let arrivals = self.arrivals.clone();
        arrivals.map_or(0, |arrivals| arrivals.count_within(from_ns, end_ns))
    }

    /// Returns the earliest time at which a connection is of use. Where connections are replaced in an
    /// open loop, a connection is opened when its first message is due.
    pub(crate) fn opening_ns(&self, orders: &Orders<'_>) -> u64 {
        match (&self.arrivals, orders.start_ns) {
            (Some(arrivals), Some(start_ns)) if orders.plan.messages_per_connection.is_some() => {
                start_ns.saturating_add(arrivals.due_ns())
            }
            _ => 0,
        }
    }

    /// Begins again on a connection that was made at `now_ns`.
    pub(crate) fn begin(&mut self, plan: &Plan, now_ns: u64) {
        (self.free_since_ns, self.late_ns) = (now_ns, 0);
        self.messages_left = self.messages_of_a_connection(plan);
        self.exchange.restart();
    }

    /// Returns how many messages a new connection may send. A burst that is due is not divided, because
    /// nothing would be due when its rest is to be sent.
    fn messages_of_a_connection(&self, plan: &Plan) -> u64 {
        let count = plan.messages_per_connection.unwrap_or(u64::MAX);
        match self.arrivals {
            None => count,
            Some(_) => count.checked_next_multiple_of(plan.send_burst.into()).unwrap_or(count),
        }
    }

    /// Returns whether a burst may go out as soon as one is due.
    #[inline]
    pub(crate) fn is_free(&self, orders: &Orders<'_>) -> bool {
        orders.start_ns.is_some() && self.has_room(orders.plan) && self.messages_left > 0
    }

    /// Returns whether this connection sends no more messages before it is replaced.
    pub(crate) fn has_said_all(&self) -> bool {
        self.messages_left == 0
    }

    /// Returns whether no message is in flight.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.exchange.in_flight() == 0
    }

    /// Returns whether the oldest message in flight has taken longer than the timeout.
    pub(crate) fn is_late(&self, now_ns: u64, orders: &Orders<'_>) -> bool {
        let sent_ns = self.exchange.oldest_sent_ns();
        sent_ns.is_some_and(|sent_ns| orders.has_timed_out(sent_ns, now_ns))
    }

    /// Lets the messages out that may be sent at `now_ns`. Returns when the next burst is due, if the
    /// connection has to wait for that.
    pub(crate) fn take_on(
        &mut self,
        now_ns: u64,
        orders: &mut Orders<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Option<u64> {
        let start_ns = orders.start_ns.filter(|&start_ns| start_ns <= now_ns)?;
        if self.arrivals.is_some() {
            return self.take_on_due(start_ns, now_ns, orders, recorder);
        }
        if !orders.is_over(now_ns) {
            let (room, burst) = (self.room(orders.plan), u64::from(orders.plan.send_burst));
            let times = Times { due_ns: now_ns, sent_ns: now_ns };
            self.send(room - room % burst, times, orders, recorder);
        }
        None
    }

    fn take_on_due(
        &mut self,
        start_ns: u64,
        now_ns: u64,
        orders: &mut Orders<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Option<u64> {
        while self.has_room(orders.plan) && self.messages_left > 0 {
            let arrivals = self.arrivals.as_mut()?;
            let due_ns = start_ns.saturating_add(arrivals.due_ns());
            if orders.is_stopped || orders.quota == 0 || due_ns >= orders.end_ns {
                return None;
            }
            if due_ns > now_ns {
                return Some(due_ns);
            }
            // A message for which the connection was not free until the end is not sent. A message
            // that is only late is sent.
            if now_ns >= orders.end_ns && self.free_since_ns >= orders.end_ns {
                return None;
            }
            arrivals.advance();
            self.late_ns = now_ns - due_ns.max(self.free_since_ns);
            recorder.late(due_ns, self.late_ns);
            let burst = orders.plan.send_burst.into();
            self.send(burst, Times { due_ns, sent_ns: now_ns }, orders, recorder);
        }
        None
    }

    fn send(
        &mut self,
        count: u64,
        times: Times,
        orders: &mut Orders<'_>,
        recorder: &mut Recorder<'_>,
    ) {
        let mut count = count.min(self.messages_left);
        if recorder.window.contains(times.due_ns) {
            count = count.min(orders.quota);
            orders.quota -= count;
            recorder.sent += count;
        }
        self.messages_left -= count;
        self.exchange.send(count, times);
    }

    /// Compares `bytes` with the expected bytes, and records the messages that they complete.
    ///
    /// # Errors
    /// Other bytes came than were sent. Nothing more may be received then.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        receipt: Receipt,
        orders: &Orders<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), Wrong> {
        let had_room = self.has_room(orders.plan);
        let number = self.number();
        recorder.tally.bytes += bytes.len() as u64;
        let result = self.exchange.receive(orders.content, bytes, |times, lines| {
            recorder.back(number, times, receipt, lines);
        });
        if !had_room && self.has_room(orders.plan) {
            // The reply that made room would have come earlier, had its message not been sent late. So
            // the lateness of that message is no excuse for the next one.
            self.free_since_ns = receipt.read_ns.saturating_sub(self.late_ns);
        }
        result
    }

    /// Returns how many messages may be in flight beyond those that are.
    #[inline]
    fn room(&self, plan: &Plan) -> u64 {
        u64::from(plan.depth) - self.exchange.in_flight()
    }

    /// Returns whether there is room for a burst.
    #[inline]
    fn has_room(&self, plan: &Plan) -> bool {
        self.room(plan) >= u64::from(plan.send_burst)
    }
}

#[cfg(test)]
mod tests;
