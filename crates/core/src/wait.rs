//! Who waits: one list per socket and direction, for threads and futures alike, first in, first
//! out.
//!
//! The lists lie under the socket's lock. A waiter registers under the same lock under which it
//! found nothing to do, and whoever makes progress takes waiters out under that lock: there is no
//! moment in which a wake-up could be lost. The wake-ups themselves (a waker is user code) are
//! carried out after the lock is released.
//!
//! A waiter that was taken out and does not use its turn (it timed out, its future was dropped)
//! passes the turn on: [`WaitList::leave`] tells whether it has to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use crate::sync::Mutex;
use crate::world::Bell;

/// One sleeper.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// A thread, by its bell.
    Thread(Arc<dyn Bell>),
    /// A future, by the waker of its last poll.
    Task(Mutex<Option<Waker>>),
}

impl Waiter {
    /// A future's waiter, not woken by anything yet.
    pub(crate) fn task() -> Arc<Self> {
        Arc::new(Self::Task(Mutex::new(None)))
    }

    /// Remembers the waker of the present poll. The old one is returned, to be dropped outside
    /// every lock.
    pub(crate) fn set_waker(&self, waker: &Waker) -> Option<Waker> {
        let Self::Task(slot) = self else {
            return None;
        };
        let mut slot = slot.lock();
        if slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return None;
        }
        slot.replace(waker.clone())
    }

    /// Wakes the sleeper. User code runs here: no lock is held.
    pub(crate) fn wake(&self) {
        match self {
            Self::Thread(bell) => bell.ring(),
            Self::Task(slot) => {
                let waker = slot.lock().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }
}

/// The sleepers of one socket and direction, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct WaitList {
    queue: VecDeque<Arc<Waiter>>,
}

impl WaitList {
    /// True if nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds a sleeper at the end, or, if it had its turn already and found nothing, in front.
    pub(crate) fn enter(&mut self, waiter: &Arc<Waiter>, had_turn: bool) {
        if self.position(waiter).is_some() {
            return;
        }
        if had_turn {
            self.queue.push_front(Arc::clone(waiter));
        } else {
            self.queue.push_back(Arc::clone(waiter));
        }
    }

    /// Takes a sleeper out. False: it was taken out before, so it had a turn.
    pub(crate) fn leave(&mut self, waiter: &Arc<Waiter>) -> bool {
        let position = self.position(waiter);
        position.and_then(|at| self.queue.remove(at)).is_some()
    }

    /// Takes out at most `count` sleepers to be woken.
    pub(crate) fn take(&mut self, count: usize, woken: &mut Vec<Arc<Waiter>>) {
        let count = count.min(self.queue.len());
        woken.extend(self.queue.drain(..count));
    }

    fn position(&self, waiter: &Arc<Waiter>) -> Option<usize> {
        self.queue
            .iter()
            .position(|other| Arc::ptr_eq(other, waiter))
    }
}
