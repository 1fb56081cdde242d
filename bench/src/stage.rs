//! The phase that a side is in, for its threads to wait for.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::link::{Phase, lock};

/// Shared by the threads of a side.
#[derive(Default)]
pub(crate) struct Stage {
    phase: Mutex<Option<Phase>>,
    changed: Condvar,
}

impl Stage {
    pub(crate) fn enter(&self, phase: Phase) {
        *lock(&self.phase) = Some(phase);
        self.changed.notify_all();
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        *lock(&self.phase)
    }

    /// Waits until this phase, or a later one, begins.
    pub(crate) fn wait_for(&self, phase: Phase) {
        let is_earlier = |current: &mut Option<Phase>| *current < Some(phase);
        let waited = self.changed.wait_while(lock(&self.phase), is_earlier);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits at most so long for a later phase; whether it has begun.
    pub(crate) fn has_left(&self, phase: Phase, patience: Duration) -> bool {
        let is_not_later = |current: &mut Option<Phase>| *current <= Some(phase);
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.phase), patience, is_not_later);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}
