//! What has come back from the receivers, for the senders.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Shape;
use crate::link::{Mark, Phase, lock};

/// Shared by the threads of the sending side.
pub(super) struct Board {
    state: Mutex<State>,
    advanced: Condvar,
}

struct State {
    phase: Phase,
    /// The acknowledgements of this phase that are missing.
    missing: usize,
    /// By receiver: the number of the message that is next.
    progress: Vec<u64>,
    totals: Totals,
}

/// How many messages were sent, and how many received, in a phase.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Board {
    pub(super) fn new(shape: &Shape) -> Self {
        let state = State {
            phase: Phase::Join,
            missing: 0,
            progress: vec![0; shape.receivers],
            totals: Totals::default(),
        };
        Self {
            state: Mutex::new(state),
            advanced: Condvar::new(),
        }
    }

    /// Prepares for a phase that so many acknowledgements end.
    pub(super) fn open(&self, phase: Phase, acknowledgements: usize) {
        let mut state = lock(&self.state);
        state.phase = phase;
        state.missing = acknowledgements;
        state.totals = Totals::default();
    }

    /// A receiver has the mark and got so many messages before it. Returns the totals of the phase
    /// when all have acknowledged it.
    pub(super) fn acknowledge(&self, mark: Mark, received: u64) -> Option<Totals> {
        let mut state = lock(&self.state);
        if state.phase == mark.phase {
            state.missing -= 1;
            state.totals.received += received;
        }
        (state.missing == 0).then_some(state.totals)
    }

    pub(super) fn add_sent(&self, messages: u64) {
        lock(&self.state).totals.sent += messages;
    }

    /// A receiver has the messages before this one, or will never have them.
    pub(super) fn advance(&self, receiver: usize, next: u64) {
        lock(&self.state).progress[receiver] = next;
        self.advanced.notify_all();
    }

    /// Waits until the slowest receiver has got so far, and returns how far it has got. If it does
    /// not for a long time, then the last messages are lost, and it has.
    pub(super) fn wait_for_slowest(&self, least: u64) -> u64 {
        const LONG: Duration = Duration::from_millis(200);
        let is_behind = |state: &mut State| state.slowest() < least;
        let waited = self
            .advanced
            .wait_timeout_while(lock(&self.state), LONG, is_behind);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.slowest().max(least)
    }
}

impl State {
    fn slowest(&self) -> u64 {
        self.progress.iter().copied().min().unwrap_or_default()
    }
}
