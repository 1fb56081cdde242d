//! What the senders must know about the run, kept by the thread that holds the link.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Shape;
use crate::link::{Mark, Phase, lock};

/// Shared by the threads of the sending side.
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    phase: Option<Phase>,
    /// The acknowledgements of this phase that are missing.
    missing: usize,
    sent: u64,
    received: u64,
    /// By receiver: how many messages it has in all.
    progress: Vec<u64>,
}

impl Board {
    pub(super) fn new(shape: &Shape) -> Self {
        let state = State {
            phase: None,
            missing: 0,
            sent: 0,
            received: 0,
            progress: vec![0; shape.receivers],
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Begins a phase that so many acknowledgements end.
    pub(super) fn open(&self, phase: Phase, acknowledgements: usize) {
        let mut state = lock(&self.state);
        state.phase = Some(phase);
        state.missing = acknowledgements;
        (state.sent, state.received) = (0, 0);
        drop(state);
        self.changed.notify_all();
    }

    /// A receiver has the mark and got so many messages before it; true when all have.
    pub(super) fn acknowledge(&self, mark: Mark, received: u64) -> bool {
        let mut state = lock(&self.state);
        if state.phase == Some(mark.phase) {
            state.missing -= 1;
            state.received += received;
        }
        state.missing == 0
    }

    pub(super) fn advance(&self, receiver: usize, received: u64) {
        lock(&self.state).progress[receiver] = received;
        self.changed.notify_all();
    }

    /// How many messages were sent and received in this phase.
    pub(super) fn totals(&self) -> (u64, u64) {
        let state = lock(&self.state);
        (state.sent, state.received)
    }

    pub(super) fn add_sent(&self, messages: u64) {
        lock(&self.state).sent += messages;
    }

    /// Waits until this phase, or a later one, begins.
    pub(super) fn wait_for(&self, phase: Phase) {
        drop(self.wait_while(|state| state.phase < Some(phase)));
    }

    /// Waits until each receiver has so many messages; how many the slowest has.
    pub(super) fn wait_for_slowest(&self, least: u64) -> u64 {
        self.wait_while(|state| state.slowest() < least).slowest()
    }

    /// Waits at most so long for the end of this phase; whether it has ended.
    pub(super) fn has_ended(&self, phase: Phase, patience: Duration) -> bool {
        let state = lock(&self.state);
        let is_running = |state: &mut State| state.phase == Some(phase);
        let waited = self.changed.wait_timeout_while(state, patience, is_running);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = lock(&self.state);
        let waited = self.changed.wait_while(state, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slowest(&self) -> u64 {
        self.progress.iter().copied().min().unwrap_or_default()
    }
}
