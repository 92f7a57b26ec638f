//! What a process prints, read line by line on a thread of its own.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use super::excerpt;
use crate::wait::DEADLINE;

/// One output of a process. What is not valid UTF-8 shows as U+FFFD.
#[derive(Debug, Clone)]
pub struct Output {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    paused: bool,
    ended: bool,
}

impl Output {
    /// Starts to read `pipe`.
    pub(super) fn read(pipe: impl Read + Send + 'static) -> Self {
        let output = Self { shared: Arc::default() };
        let reader = output.clone();
        thread::spawn(move || reader.collect(BufReader::new(pipe)));
        output
    }

    /// The output of a process that prints elsewhere.
    pub(super) fn none() -> Self {
        let output = Self { shared: Arc::default() };
        output.state().ended = true;
        output
    }

    /// Reads no further, but for a few KiB: the pipe fills up.
    pub fn pause(&self) {
        self.state().paused = true;
    }

    /// Reads on.
    pub fn resume(&self) {
        self.state().paused = false;
        self.shared.1.notify_all();
    }

    /// All that was printed so far.
    #[must_use]
    pub fn so_far(&self) -> String {
        self.state().lines.concat()
    }

    /// Waits for a line that contains `part`, and returns the first such line.
    ///
    /// # Panics
    /// When the output ends, or the deadline passes, without one.
    #[track_caller]
    pub fn wait_for(&self, part: &str) -> String {
        let mut seen = 0;
        self.wait_until(&format!("line with {part:?}"), |lines| {
            let line = lines[seen..].iter().find(|line| line.contains(part));
            seen = lines.len();
            line.map(|line| line.trim_end().to_owned())
        })
    }

    /// Waits until `probe`, which gets all lines so far, returns something.
    ///
    /// # Panics
    /// When the output ends, or the deadline passes, before; naming `what`.
    #[track_caller]
    pub fn wait_until<T>(&self, what: &str, mut probe: impl FnMut(&[String]) -> Option<T>) -> T {
        let mut found = None;
        self.watch(|state| {
            found = probe(&state.lines);
            found.is_some() || state.ended
        });
        found.unwrap_or_else(|| panic!("no {what} in:\n{}", excerpt(&self.so_far())))
    }

    /// Waits for the end of the output and returns all of it.
    #[track_caller]
    pub(super) fn all(&self) -> String {
        self.resume();
        let ended = self.watch(|state| state.ended);
        assert!(ended, "no end of the output:\n{}", excerpt(&self.so_far()));
        self.so_far()
    }

    /// Looks whenever there is more, until `is_over` or the deadline passes; returns which.
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
                Ok(0) | Err(_) => state.ended = true,
            }
            self.shared.1.notify_all();
            if state.ended {
                return;
            }
            drop(self.shared.1.wait_while(state, |state| state.paused).unwrap());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }
}
