//! The output of a process, read line by line on a separate thread.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use super::excerpt;
use crate::wait::DEADLINE;

/// One output of a process. Invalid UTF-8 appears as U+FFFD.
#[derive(Debug, Clone)]
pub struct Output {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    reading: Reading,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    GoesOn,
    Pauses,
    HasEnded,
}

impl Output {
    /// Starts the thread that reads `pipe`.
    pub(super) fn read(pipe: impl Read + Send + 'static) -> Self {
        let output = Self { shared: Arc::default() };
        let reader = output.clone();
        thread::spawn(move || reader.collect(BufReader::new(pipe)));
        output
    }

    /// Returns the empty output of a process that does not write to a pipe.
    pub(super) fn none() -> Self {
        let output = Self { shared: Arc::default() };
        output.state().reading = Reading::HasEnded;
        output
    }

    /// Stops reading after at most a few KiB more, so that the pipe fills up.
    pub fn pause(&self) {
        self.change(&Reading::GoesOn, Reading::Pauses);
    }

    /// Continues reading.
    pub fn resume(&self) {
        self.change(&Reading::Pauses, Reading::GoesOn);
    }

    fn change(&self, from: &Reading, to: Reading) {
        let mut state = self.state();
        if state.reading == *from {
            state.reading = to;
            self.shared.1.notify_all();
        }
    }

    /// Returns the output so far.
    #[must_use]
    pub fn so_far(&self) -> String {
        self.state().lines.concat()
    }

    /// Waits for a line that contains `part`, and returns the first such line.
    ///
    /// # Panics
    /// When the output ends, or the deadline passes, without such a line.
    #[track_caller]
    pub fn wait_for(&self, part: &str) -> String {
        let mut seen = 0;
        self.wait_until(&format!("line with {part:?}"), |lines| {
            let line = lines[seen..].iter().find(|line| line.contains(part));
            seen = lines.len();
            line.map(|line| line.trim_end().to_owned())
        })
    }

    /// Calls `probe` with all lines so far, whenever there are more, until it returns a value.
    ///
    /// # Panics
    /// When the output ends, or the deadline passes, before that; the message names `what`.
    #[track_caller]
    pub fn wait_until<T>(&self, what: &str, mut probe: impl FnMut(&[String]) -> Option<T>) -> T {
        let mut found = None;
        self.watch(|state| {
            found = probe(&state.lines);
            found.is_some() || state.reading == Reading::HasEnded
        });
        found.unwrap_or_else(|| panic!("no {what} in:\n{}", excerpt(&self.so_far())))
    }

    /// Waits for the end of the output and returns all of it.
    #[track_caller]
    pub(super) fn all(&self) -> String {
        self.resume();
        let ended = self.watch(|state| state.reading == Reading::HasEnded);
        assert!(ended, "the output does not end:\n{}", excerpt(&self.so_far()));
        self.so_far()
    }

    /// Calls `is_over` whenever there is more output, until it holds. Returns whether it held before
    /// the deadline.
    fn watch(&self, mut is_over: impl FnMut(&State) -> bool) -> bool {
        let goes_on = |state: &mut State| !is_over(state);
        let more = &self.shared.1;
        !more.wait_timeout_while(self.state(), DEADLINE, goes_on).unwrap().1.timed_out()
    }

    fn collect(&self, mut pipe: impl BufRead) {
        loop {
            let mut line = Vec::new();
            let read = pipe.read_until(b'\n', &mut line);
            let mut state = self.state();
            match read {
                Ok(1..) => state.lines.push(String::from_utf8_lossy(&line).into_owned()),
                Ok(0) | Err(_) => state.reading = Reading::HasEnded,
            }
            self.shared.1.notify_all();
            if state.reading == Reading::HasEnded {
                return;
            }
            drop(
                self.shared.1.wait_while(state, |state| state.reading == Reading::Pauses).unwrap(),
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }
}
