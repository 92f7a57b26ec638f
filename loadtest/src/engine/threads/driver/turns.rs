//! Which connection of a thread gets a turn next: those that asked for one, those whose time has come,
//! and those that wait to be opened. Pure.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::mem;

use super::openings::Openings;
use crate::engine::connection::Next;
use crate::plan::Plan;

/// What one connection waits for.
#[derive(Debug, Clone)]
struct Wish {
    /// When the connection wants a turn; `u64::MAX` when it does not.
    wake_ns: u64,
    /// The connection is in the queue for another turn.
    is_ready: bool,
    /// The connection is in the queue of those that wait to be opened.
    is_queued: bool,
    is_over: bool,
}

/// The turns of all connections of a thread. A connection is known by its place.
#[derive(Debug)]
pub(super) struct Turns {
    wishes: Vec<Wish>,
    /// Connections that asked for another turn.
    ready: VecDeque<usize>,
    openings: Openings,
    /// When connections want a turn. An entry is stale if it differs from the `wake_ns` of its connection.
    wakes: BinaryHeap<Reverse<(u64, usize)>>,
    /// How many connections are not over.
    live: usize,
}

impl Turns {
    /// Returns the turns of a thread that has `count` of the plan's connections. All of them wait to be
    /// opened.
    pub(super) fn new(plan: &Plan, count: usize) -> Self {
        let wish = Wish { wake_ns: u64::MAX, is_ready: false, is_queued: true, is_over: false };
        Self {
            wishes: vec![wish; count],
            ready: VecDeque::with_capacity(count),
            openings: Openings::new(plan, count),
            wakes: BinaryHeap::with_capacity(count),
            live: count,
        }
    }

    /// Returns whether all connections are over.
    pub(super) fn are_over(&self) -> bool {
        self.live == 0
    }

    /// Returns how many connections asked for another turn.
    pub(super) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Returns when a connection wants a turn, or may be opened.
    pub(super) fn next_ns(&self) -> u64 {
        let wake_ns = self.wakes.peek().map_or(u64::MAX, |Reverse((at_ns, _))| *at_ns);
        wake_ns.min(self.openings.next_ns())
    }

    /// Notes what a connection needs before it can go on.
    pub(super) fn settle(&mut self, place: usize, next: Next) {
        let wish = &mut self.wishes[place];
        match next {
            Next::Wait => {}
            Next::WaitUntil(at_ns) => {
                if mem::replace(&mut wish.wake_ns, at_ns) != at_ns {
                    self.wakes.push(Reverse((at_ns, place)));
                }
            }
            Next::Turn => self.make_ready(place),
            Next::Open => {
                // A connection that waits to be opened may ask for it again.
                if !mem::replace(&mut wish.is_queued, true) {
                    self.openings.push(place);
                }
            }
            Next::Over => self.live -= usize::from(!mem::replace(&mut wish.is_over, true)),
        }
    }

    fn make_ready(&mut self, place: usize) {
        if !mem::replace(&mut self.wishes[place].is_ready, true) {
            self.ready.push_back(place);
        }
    }

    /// Gives every connection a turn.
    pub(super) fn make_all_ready(&mut self) {
        (0..self.wishes.len()).for_each(|place| self.make_ready(place));
    }

    /// Takes the next connection that asked for another turn.
    pub(super) fn take_ready(&mut self) -> Option<usize> {
        let place = self.ready.pop_front()?;
        self.wishes[place].is_ready = false;
        Some(place)
    }

    /// Takes the next connection whose time has come.
    pub(super) fn take_due(&mut self, now_ns: u64) -> Option<usize> {
        while let Some(&Reverse((at_ns, place))) = self.wakes.peek()
            && at_ns <= now_ns
        {
            self.wakes.pop();
            let wish = &mut self.wishes[place];
            if wish.wake_ns == at_ns {
                wish.wake_ns = u64::MAX;
                return Some(place);
            }
        }
        None
    }

    /// Takes the next connection that is to be opened now.
    pub(super) fn take_opening(&mut self, now_ns: u64) -> Option<usize> {
        let wishes = &mut self.wishes;
        self.openings.take(now_ns, |place| {
            wishes[place].is_queued = false;
            !wishes[place].is_over
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Limit;

    /// Returns turns of connections that have been opened.
    fn turns(count: usize) -> Turns {
        let mut turns = Turns::new(&Plan::new(([127, 0, 0, 1], 9).into(), Limit::Count(1)), count);
        assert!((0..count).all(|place| turns.take_opening(0) == Some(place)));
        turns
    }

    #[test]
    fn a_connection_gets_one_turn_however_often_it_asks() {
        let mut turns = turns(2);
        turns.settle(1, Next::Turn);
        turns.settle(1, Next::Turn);
        turns.make_all_ready();
        assert_eq!(turns.ready_len(), 2);
        let taken = [turns.take_ready(), turns.take_ready(), turns.take_ready()];
        assert_eq!(taken, [Some(1), Some(0), None]);
    }

    #[test]
    fn a_connection_is_woken_at_the_time_that_it_named_last() {
        let mut turns = turns(2);
        turns.settle(0, Next::WaitUntil(10));
        turns.settle(1, Next::WaitUntil(20));
        turns.settle(0, Next::WaitUntil(30));
        assert_eq!((turns.next_ns(), turns.take_due(9)), (10, None));
        assert_eq!(turns.take_due(25), Some(1));
        assert_eq!((turns.take_due(25), turns.next_ns()), (None, 30));
        assert_eq!((turns.take_due(30), turns.next_ns()), (Some(0), u64::MAX));
    }

    #[test]
    fn a_connection_that_is_over_is_neither_opened_nor_over_again() {
        let mut turns = turns(2);
        turns.settle(0, Next::Open);
        turns.settle(0, Next::Open);
        turns.settle(1, Next::Open);
        turns.settle(0, Next::Over);
        turns.settle(0, Next::Over);
        assert_eq!((turns.take_opening(0), turns.take_opening(0)), (Some(1), None));
        assert!(!turns.are_over());
        turns.settle(1, Next::Over);
        assert!(turns.are_over());
    }
}
