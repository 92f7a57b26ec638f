//! The lines of one connection: which have been sent, and whether the bytes that come back are right.
//! Pure: keeps positions and times, and no content.

use std::collections::VecDeque;

use super::content::{Content, Id, Lines};

/// A place in a connection's stream of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// The number of the line.
    sequence: u64,
    /// Number of bytes of that line before the place.
    offset: usize,
}

impl Place {
    fn line(sequence: u64) -> Self {
        Self { sequence, offset: 0 }
    }

    fn next_line(&mut self) {
        *self = Self::line(self.sequence + 1);
    }
}

/// The times of a message, on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times {
    /// When the message was due.
    pub(crate) due_ns: u64,
    /// When the message was ready for the system to take. A server that reads nothing makes the message
    /// wait from then on, and that wait counts against the server.
    pub(crate) sent_ns: u64,
}

/// Consecutive lines that became ready at the same time.
#[derive(Debug, Clone, Copy)]
struct Burst {
    times: Times,
    /// The first line after the burst.
    end: u64,
}

/// Bytes that stand in a buffer and are to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filled {
    len: usize,
    end: Place,
}

impl Filled {
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// Bytes that came and are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A line differs. Holds the bytes that came from the beginning of that line on.
    Different(Vec<u8>),
    /// All lines were back already. Holds the bytes that came after them.
    Surplus(Vec<u8>),
}

impl Wrong {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Different(bytes) | Self::Surplus(bytes) => bytes,
        }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Different(bytes) | Self::Surplus(bytes) => bytes,
        }
    }
}

/// The lines of one connection, and how far they are.
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: u64,
    sending: Place,
    receiving: Place,
    /// The first line that may not be sent yet.
    end: u64,
    /// The bursts of the lines in flight, the oldest first.
    bursts: VecDeque<Burst>,
}

impl Exchange {
    /// Returns an exchange with no lines in flight. There will be at most `depth`.
    pub(crate) fn new(connection: u64, depth: u32) -> Self {
        let (start, bursts) = (Place::line(0), VecDeque::with_capacity(depth as usize));
        Self { connection, sending: start, receiving: start, end: 0, bursts }
    }

    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// Returns the number of the line that has to come back next.
    pub(crate) fn next_back(&self) -> u64 {
        self.receiving.sequence
    }

    /// Returns how many bytes of the line that has to come back next have come.
    pub(crate) fn partly_back(&self) -> usize {
        self.receiving.offset
    }

    /// Returns how many lines are in flight: to be sent, or sent and not back.
    pub(crate) fn in_flight(&self) -> u64 {
        self.end - self.receiving.sequence
    }

    /// Returns whether bytes are left to hand to the system.
    pub(crate) fn has_unsent(&self) -> bool {
        self.sending.sequence < self.end
    }

    /// Returns when the line that has to come back next was sent, if any is in flight.
    pub(crate) fn oldest_sent_ns(&self) -> Option<u64> {
        self.bursts.front().map(|burst| burst.times.sent_ns)
    }

    /// Lets `count` more lines be sent.
    pub(crate) fn send(&mut self, count: u64, times: Times) {
        if count > 0 {
            self.end += count;
            self.bursts.push_back(Burst { times, end: self.end });
        }
    }

    /// Begins again on a new connection, with lines that were never sent.
    pub(crate) fn restart(&mut self) {
        // A line that was sent in part belongs to a burst, so it comes before `end`.
        self.sending = Place::line(self.end);
        self.receiving = self.sending;
        self.bursts.clear();
    }

    /// Fills `buffer` with bytes that are to be sent. They stay to be sent until [`sent`](Self::sent) is
    /// called.
    pub(crate) fn fill(&self, content: &Content, buffer: &mut [u8]) -> Filled {
        let (mut place, mut len) = (self.sending, 0);
        loop {
            if place.offset == 0 {
                let count = self.end - place.sequence;
                let whole = content.write(self.id(place), count, &mut buffer[len..]);
                place.sequence += whole.count;
                len += whole.len;
            }
            if place.sequence == self.end {
                break;
            }
            let line = content.line(self.id(place));
            let part_len = line.write_part(place.offset, &mut buffer[len..]);
            len += part_len;
            place.offset += part_len;
            if place.offset < line.len() {
                break;
            }
            place.next_line();
        }
        Filled { len, end: place }
    }

    /// Notes that the system has taken the first `len` of the bytes that were filled in.
    pub(crate) fn sent(&mut self, content: &Content, filled: Filled, len: usize) {
        if len == filled.len {
            self.sending = filled.end;
            return;
        }
        let mut rest = len;
        while rest > 0 {
            let left = content.line(self.id(self.sending)).len() - self.sending.offset;
            if rest < left {
                self.sending.offset += rest;
                return;
            }
            rest -= left;
            self.sending.next_line();
        }
    }

    /// Compares `bytes` with the expected bytes. Calls `done` for lines that are complete: once for all
    /// lines that have the same times.
    ///
    /// # Errors
    /// Other bytes came than were sent. The exchange cannot go on.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        content: &Content,
        bytes: &[u8],
        mut done: impl FnMut(Times, Lines),
    ) -> Result<(), Wrong> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(&Burst { times, end }) = self.bursts.front() else {
                return Err(Wrong::Surplus(rest.to_vec()));
            };
            let (from, left) = (self.receiving, rest.len());
            let result = self.receive_until(end, content, &mut rest);
            let count = self.receiving.sequence - from.sequence;
            if count > 0 {
                let len = from.offset + left - rest.len() - self.receiving.offset;
                done(times, Lines { count, len });
            }
            result?;
            if self.receiving.sequence == end {
                self.bursts.pop_front();
            }
        }
        Ok(())
    }

    /// Compares `rest` with the lines before `end`, and removes the bytes that are right from it.
    #[inline]
    fn receive_until(
        &mut self,
        end: u64,
        content: &Content,
        rest: &mut &[u8],
    ) -> Result<(), Wrong> {
        loop {
            if self.receiving.offset == 0 {
                let count = end - self.receiving.sequence;
                let whole = content.begin(self.id(self.receiving), count, rest);
                self.receiving.sequence += whole.count;
                *rest = &rest[whole.len..];
            }
            if rest.is_empty() || self.receiving.sequence == end {
                return Ok(());
            }
            let line = content.line(self.id(self.receiving));
            let (part, later) = rest.split_at(rest.len().min(line.len() - self.receiving.offset));
            if line.differs_at(self.receiving.offset, part).is_some() {
                let mut came = line.to_vec();
                came.truncate(self.receiving.offset);
                came.extend_from_slice(rest);
                return Err(Wrong::Different(came));
            }
            *rest = later;
            self.receiving.offset += part.len();
            if self.receiving.offset == line.len() {
                self.receiving.next_line();
            }
        }
    }

    #[inline]
    fn id(&self, place: Place) -> Id {
        Id { connection: self.connection, sequence: place.sequence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Sizes;

    fn content(min: usize, max: usize) -> Content {
        Content::new(3, &Sizes::Range(min, max))
    }

    fn times(number: u64) -> Times {
        Times { due_ns: number, sent_ns: number + 1 }
    }

    /// Returns the bytes that an exchange sends, when the system takes at most `taken` at a time.
    fn sent(
        exchange: &mut Exchange,
        content: &Content,
        buffer_len: usize,
        taken: usize,
    ) -> Vec<u8> {
        let (mut buffer, mut all) = (vec![0; buffer_len], vec![]);
        while exchange.has_unsent() {
            let filled = exchange.fill(content, &mut buffer);
            let len = filled.len().min(taken);
            assert!(len > 0);
            all.extend_from_slice(&buffer[..len]);
            exchange.sent(content, filled, len);
        }
        all
    }

    #[test]
    fn any_pieces_sent_and_received_are_the_lines() {
        let random = &mut fastrand::Rng::with_seed(5);
        for (min, max) in [(1, 1), (1, 5), (9, 9), (64, 64), (1, 100)] {
            let content = content(min, max);
            for buffer_len in [1, 7, 64, 4096] {
                let mut exchange = Exchange::new(9, 10);
                for round in 0..20 {
                    exchange.send(4, times(round));
                    exchange.send(6, times(100 + round));
                    let all = sent(&mut exchange, &content, buffer_len, random.usize(1..50));
                    let first = round * 10;
                    let lines = (first..first + 10).map(|sequence| Id { connection: 9, sequence });
                    let lines: Vec<u8> = lines.flat_map(|id| content.line(id).to_vec()).collect();
                    assert_eq!(all, lines);
                    let (mut rest, mut done, mut done_len) = (&all[..], vec![], 0);
                    while !rest.is_empty() {
                        let (now, later) = rest.split_at(random.usize(1..=rest.len()));
                        let result = exchange.receive(&content, now, |times, lines| {
                            done.extend((0..lines.count).map(|_| times));
                            done_len += lines.len;
                        });
                        assert_eq!(result, Ok(()));
                        rest = later;
                        let come_len = all.len() - rest.len();
                        assert_eq!(done_len + exchange.partly_back(), come_len);
                    }
                    assert_eq!(exchange.in_flight(), 0);
                    assert_eq!(done, [vec![times(round); 4], vec![times(100 + round); 6]].concat());
                }
            }
        }
    }

    #[test]
    fn lines_with_the_same_times_are_told_together() {
        let (content, mut exchange) = (content(10, 10), Exchange::new(0, 4));
        exchange.send(4, times(1));
        let all = sent(&mut exchange, &content, 100, 100);
        let mut told = vec![];
        let result = exchange.receive(&content, &all, |times, lines| told.push((times, lines)));
        let lines = Lines { count: 4, len: 40 };
        assert_eq!((result, told), (Ok(()), vec![(times(1), lines)]));
    }

    #[test]
    fn every_altered_byte_is_seen_with_what_came() {
        let content = content(20, 20);
        for place in 0..60 {
            for split in [0, 1, 19, 20, 21, 59] {
                let mut exchange = Exchange::new(1, 3);
                exchange.send(3, times(0));
                let mut all = sent(&mut exchange, &content, 100, 100);
                all[place] ^= 4;
                let mut done = 0;
                let (first, second) = all.split_at(split);
                let result =
                    exchange.receive(&content, first, |_, lines| done += lines.count).and_then(
                        |()| exchange.receive(&content, second, |_, lines| done += lines.count),
                    );
                let line = place / 20;
                let until = if place < split { split } else { 60 };
                let came = all[line * 20..until].to_vec();
                assert_eq!(result, Err(Wrong::Different(came)));
                assert_eq!((done, exchange.next_back()), (line as u64, line as u64));
            }
        }
    }

    #[test]
    fn more_than_was_sent_is_surplus() {
        let (content, mut exchange) = (content(10, 10), Exchange::new(1, 1));
        exchange.send(1, times(0));
        let mut all = sent(&mut exchange, &content, 100, 100);
        all.push(b'x');
        let result = exchange.receive(&content, &all, |_, _| {});
        assert_eq!(result, Err(Wrong::Surplus(b"x".to_vec())));
    }

    #[test]
    fn a_new_connection_starts_with_new_lines() {
        let (content, mut exchange) = (content(10, 10), Exchange::new(1, 2));
        exchange.send(2, times(0));
        let filled = exchange.fill(&content, &mut [0; 20]);
        exchange.sent(&content, filled, 13);
        exchange.restart();
        assert_eq!((exchange.in_flight(), exchange.next_back()), (0, 2));
        exchange.send(1, times(1));
        let line = content.line(Id { connection: 1, sequence: 2 }).to_vec();
        assert_eq!(sent(&mut exchange, &content, 100, 100), line);
    }
}
