//! A bounded channel made of the model checker's own parts. It has the contract of the channel that
//! ships: messages arrive in order, none is lost, and the receiver sees the end after the last message.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::{Mutex, MutexGuard};

struct State<T> {
    messages: VecDeque<T>,
    capacity: usize,
    has_sender: bool,
    has_receiver: bool,
}

struct Channel<T>(Mutex<State<T>>);

impl<T> Channel<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap()
    }
}

pub(crate) struct Sender<T>(Arc<Channel<T>>);

pub(crate) struct Receiver<T>(Arc<Channel<T>>);

pub(crate) enum TrySendError<T> {
    Full(T),
    Disconnected(T),
}

pub(crate) enum TryRecvError {
    Empty,
    Disconnected,
}

pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let messages = VecDeque::new();
    let state = State { messages, capacity, has_sender: true, has_receiver: true };
    let channel = Arc::new(Channel(Mutex::new(state)));
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

impl<T> Sender<T> {
    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.state();
        if !state.has_receiver {
            return Err(TrySendError::Disconnected(message));
        }
        if state.messages.len() == state.capacity {
            return Err(TrySendError::Full(message));
        }
        state.messages.push_back(message);
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state().has_sender = false;
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.state();
        let nothing =
            if state.has_sender { TryRecvError::Empty } else { TryRecvError::Disconnected };
        state.messages.pop_front().ok_or(nothing)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let messages = {
            let mut state = self.0.state();
            state.has_receiver = false;
            std::mem::take(&mut state.messages)
        };
        drop(messages);
    }
}
